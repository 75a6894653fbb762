// SPDX-License-Identifier: Apache-2.0
/// The picture of both questions: what is in it, where, and when there is none.
#include "report/holds_and_finds.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "made_up.h"
#include "report/label_places.h"
#include "report/marks.h"
#include "report/table.h"
#include "well_formed.h"

namespace rw {
namespace {

std::size_t count_of(const std::string& text, const std::string& words) {
  std::size_t n = 0;
  for (std::size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) ++n;
  return n;
}

/// Plain RoPE explodes and finds nothing; truncation finds nothing; short texts give everything.
MadeUp both_baselines() {
  MadeUp made;
  made.baselines(3);
  made.retrieval("none", 16384, 0), made.retrieval("none (truncated)", 16384, 0);
  made.retrieval("none (short)", 1024, 4);
  return made;
}
void add_both(MadeUp& made, const std::string& name, double added, int found) {
  made.method(name, added), made.retrieval(name, 16384, found);
}

const HeldAndFound& of(const HoldsAndFinds& both, const std::string& method) {
  for (const HeldAndFound& m : both.methods)
    if (m.method == method) return m;
  throw Error("test", method, "none", "");
}

TEST(HoldsAndFinds, TakesBothFromTheGreatestLengthThatHasBoth) {
  MadeUp made = both_baselines();
  add_both(made, "yarn", -0.05, 4), add_both(made, "rerope", 0.4, 3);
  made.method("ntk", 0.1);  // was asked nothing
  for (const char* name : {"none (truncated)", "yarn"}) made.tail(name, 32768, 0);
  made.retrieval("yarn", 65536, 4);
  const HoldsAndFinds both = holds_and_finds(made.data());
  EXPECT_EQ(both.length, 16384);
  EXPECT_EQ(both.tasks, std::vector<std::string>{"passkey"});
  ASSERT_EQ(both.methods.size(), 4u) << "none, yarn, rerope and truncation";
  EXPECT_NEAR(of(both, "yarn").loss.mean, -0.05, 1e-3);
  EXPECT_TRUE(of(both, "yarn").loss.low.has_value());
  EXPECT_EQ(of(both, "rerope").found.value, 0.75);
  EXPECT_LT(of(both, "rerope").found.low, 0.75);
  EXPECT_EQ(of(both, "none (truncated)").loss.mean, 0);
}

TEST(HoldsAndFinds, TheCornerIsTheMarginAndTheShareOfShortTexts) {
  MadeUp made = both_baselines();
  add_both(made, "both", 0.019, 4), add_both(made, "finds", 0.03, 4), add_both(made, "holds", 0, 3);
  const ReportData data = made.data();
  const HoldsAndFinds both = holds_and_finds(data);
  EXPECT_DOUBLE_EQ(both.bar, 0.85);
  for (const HeldAndFound& m : both.methods) EXPECT_EQ(both.in_corner(m), m.method == "both") << m.method;
  EXPECT_EQ(count_of(html_report(data), "which holds the loss and finds: <b>both</b>."), 1u);
  MadeUp weak = both_baselines();  // finds 3 of 4 even in short texts: 0.6375 is the bar
  for (Record& r : weak.records)
    if (r.method == "none (short)" && r.seed == 4) r.score = 0;
  add_both(weak, "holds", 0, 3);
  const HoldsAndFinds lower = holds_and_finds(weak.data());
  EXPECT_DOUBLE_EQ(lower.bar, 0.85 * 0.75);
  EXPECT_TRUE(lower.in_corner(of(lower, "holds")));
}

TEST(HoldsAndFinds, HasAMarkAndALabelForEachMethodAndItsNumberWhereItIsBeyond) {
  MadeUp made = both_baselines();
  // Both are worse than almost no context, so they explode; only one finds.
  add_both(made, "yarn", -0.05, 4), add_both(made, "finder", 0.65, 4), add_both(made, "loser", 0.66, 0);
  add_both(made, "far", 2, 4), add_both(made, "broken", std::nan(""), 0);
  const ReportData data = made.data();
  const HoldsAndFinds both = holds_and_finds(data);
  const std::string chart = holds_and_finds_chart(both);
  EXPECT_EQ(count_of(chart, " who' style='fill:#"), 7u);
  for (const char* name :
       {"none +3.00", "yarn", "finder", "loser +0.66", "far +2.00", "broken not finite", "none (truncated)"})
    EXPECT_EQ(count_of(chart, fmt::format("'>{}</text>", name)) -
                  count_of(chart, fmt::format("class='tip mid'>{}</text>", name)),
              1u)
        << name;
  EXPECT_EQ(count_of(chart, "l-8-5v10Z"), 4u) << "arrows at the right edge";
  EXPECT_EQ(count_of(chart, "class='point'"), 7u);
  EXPECT_EQ(count_of(chart, "aria-label='finder: loss +0.6"), 1u);
  EXPECT_EQ(count_of(chart, "found 100 % of 4 (51 to 100)"), 6u) << "three finders, said and shown";
  EXPECT_EQ(count_of(chart, "<desc>"), 1u);
  for (const char* never : {" nan", "'nan", "'inf", "nan'"}) EXPECT_EQ(count_of(chart, never), 0u) << never;
  expect_well_formed(chart);
}

TEST(HoldsAndFinds, MethodsLookAsInTheChartOfTheLoss) {
  MadeUp made = both_baselines();
  add_both(made, "yarn", -0.05, 4), add_both(made, "rerope", 0.1, 3), add_both(made, "pi", 2, 0);
  const std::string page = html_report(made.data());
  const auto legend_of_section = [&](const char* id) {
    const std::size_t at = page.find("<ul class='legend'>", page.find(fmt::format("<section id='{}'>", id)));
    return page.substr(at, page.find("</ul>", at) - at);
  };
  EXPECT_EQ(legend_of_section("holds-and-finds"), legend_of_section("loss"));
  EXPECT_EQ(count_of(page, fmt::format("who' style='fill:{}'>rerope<", colour_of(2))), 1u);
}

TEST(HoldsAndFinds, IsAbsentWhereOneOfBothIsMissing) {
  const auto shows = [](const MadeUp& made) {
    return html_report(made.data()).find("id='holds-and-finds'") != std::string::npos;
  };
  MadeUp whole = both_baselines();
  add_both(whole, "yarn", -0.05, 4);
  EXPECT_TRUE(shows(whole));
  MadeUp loss, found, within, forgetful = whole, untruncated = whole, broken = whole;
  loss.baselines(3), loss.method("yarn", 0);
  EXPECT_FALSE(shows(loss));
  found.retrieval("yarn", 16384, 4), found.retrieval("none (short)", 1024, 4);
  EXPECT_FALSE(shows(found));
  within.tail("none", 8192, 0), within.tail("none (truncated)", 8192, 0), within.tail("yarn", 8192, 0);
  within.retrieval("yarn", 8192, 4), within.retrieval("none (short)", 1024, 4);
  EXPECT_FALSE(shows(within)) << "nothing is long";
  for (Record& r : forgetful.records)
    if (r.method == "none (short)") r.score = 0;
  EXPECT_FALSE(shows(forgetful)) << "the model finds nothing in short texts: the task cannot tell";
  std::erase_if(untruncated.records,
                [](const Record& r) { return r.task == "tail" && r.method == "none (truncated)"; });
  EXPECT_FALSE(shows(untruncated));
  for (Record& r : broken.records)
    if (r.method == "none (truncated)") r.loss = std::nan("");
  EXPECT_FALSE(shows(broken));
}

TEST(HoldsAndFinds, CountsTheTasksThatAllWereAsked) {
  MadeUp made = both_baselines();
  add_both(made, "yarn", -0.05, 4);
  made.retrieval("yarn", 16384, 0, "needle"), made.retrieval("none (short)", 1024, 4, "needle");
  EXPECT_EQ(holds_and_finds(made.data()).tasks, std::vector<std::string>{"passkey"});
  made.retrieval("none", 16384, 0, "needle"), made.retrieval("none (truncated)", 16384, 0, "needle");
  const HoldsAndFinds both = holds_and_finds(made.data());
  EXPECT_EQ(both.tasks, (std::vector<std::string>{"needle", "passkey"}));
  EXPECT_EQ(of(both, "yarn").found.value, 0.5);
  EXPECT_EQ(of(both, "yarn").found.n, 8);
}

TEST(HoldsAndFinds, EscapesNames) {
  MadeUp made = both_baselines();
  add_both(made, kEvil, -0.05, 4), add_both(made, "<b>'" + kEvil, 3, 0);
  const std::string html = holds_and_finds_section(made.data());
  expect_well_formed(html);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_NE(html.find("&lt;script&gt;"), std::string::npos);
}

/// Where the words of each label lie, from the SVG.
std::vector<PaperBox> label_boxes(const std::string& svg) {
  std::vector<PaperBox> boxes;
  for (std::size_t at = svg.find(" who' "); at != std::string::npos; at = svg.find(" who' ", at + 1)) {
    const auto number = [&](const char* name) { return std::stod(svg.substr(svg.rfind(name, at) + 3)); };
    const std::size_t from = svg.find('>', at) + 1;
    const double x = number("x='"), y = number("y='"), n = static_cast<double>(svg.find('<', from) - from);
    const std::string side = svg.substr(svg.rfind('\'', at - 1) + 1, at - svg.rfind('\'', at - 1) - 1);
    const double wide = 9.5 * n, left = side == "end" ? x - wide : side == "mid" ? x - wide / 2 : x;
    boxes.push_back({left, y - 12, left + wide, y + 4});
  }
  return boxes;
}

/// Eleven methods, several at 0 % found and many beyond the edge, as the small model gives them.
TEST(HoldsAndFinds, LabelsLieInsideAndNotOnEachOther) {
  MadeUp made = both_baselines();
  const std::tuple<const char*, double, int> methods[] = {
      {"pi", 1.8, 0},    {"ntk", 1.3, 0},      {"yarn", 1.26, 0},         {"rerope", 0.4, 4},
      {"dca", 0.03, 0},  {"window", 0.74, 0},  {"leaky-rerope", 0.17, 1}, {"self-extend", 0.45, 1},
      {"also", 0.03, 0}, {"lm-infinite", 0, 0}};
  for (const auto& [name, added, found] : methods) add_both(made, name, added, found);
  const std::vector<PaperBox> boxes = label_boxes(holds_and_finds_chart(holds_and_finds(made.data())));
  ASSERT_EQ(boxes.size(), 12u);
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    EXPECT_GE(boxes[i].left, 60) << i;
    EXPECT_LE(boxes[i].right, 640) << i;
    for (std::size_t k = 0; k < i; ++k) EXPECT_EQ(overlap(boxes[i], boxes[k]), 0) << i << " on " << k;
  }
}

TEST(Labels, FindPlacesBesideTheirMarksAndGiveUpWhereThereAreNone) {
  const std::vector<LabelWish> wishes(6, {100, 100, 60});
  const std::vector<PaperBox> taken{{94, 94, 106, 106}};
  const auto places = place_labels(wishes, taken, {}, {0, 0, 300, 300});
  ASSERT_EQ(places.size(), 6u);
  for (std::size_t i = 0; i < places.size(); ++i) {
    ASSERT_TRUE(places[i]) << i;
    EXPECT_EQ(overlap(*places[i], taken[0]), 0);
    for (std::size_t k = 0; k < i; ++k) EXPECT_EQ(overlap(*places[i], *places[k]), 0) << i << " on " << k;
  }
  EXPECT_EQ(places[0]->top, 100 - kLabelRow / 2) << "the first beside its mark";
  const auto barred = place_labels({{100, 100, 60}}, taken, {{40, 99, 200, 101}}, {0, 0, 300, 300});
  EXPECT_EQ(overlap(*barred[0], {40, 99, 200, 101}), 0) << "not over its own bar, since there is room";
  EXPECT_FALSE(place_labels({{100, 100, 60}}, taken, {}, {90, 90, 120, 120})[0]);
}

TEST(Labels, OfAColumnStandRowByRowNearWhatTheyWishFor) {
  EXPECT_EQ(spread_rows({50, 100, 200}, 0, 300), (std::vector<double>{50, 100, 200}));
  const std::vector<double> rows = spread_rows({100, 100, 100}, 0, 300);
  EXPECT_EQ(rows, (std::vector<double>{100 - kLabelRow, 100, 100 + kLabelRow}));
  EXPECT_EQ(spread_rows({100, 100, 100}, 0, 105).back(), 105);
  EXPECT_EQ(spread_rows({100, 100, 100}, 0, 10).front(), 0) << "too many: from the top on";
  EXPECT_TRUE(spread_rows({}, 0, 10).empty());
}

}  // namespace
}  // namespace rw
