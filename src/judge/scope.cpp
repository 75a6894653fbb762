// SPDX-License-Identifier: Apache-2.0
#include "judge/scope.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/text.h"

namespace rw {
namespace {

/// How far (times the trained length), with how many of the methods, on how many documents.
struct Wish {
  double times;
  std::size_t n_methods;
  int n_documents;
};
/// Five documents are the fewest that advice is given on; then reach, then methods, then documents are given
/// up.
constexpr int kFewest = 5;
constexpr Wish kWishes[] = {{16, 5, 8},  {8, 5, 8},    {4, 5, 8},     {4, 5, 5},    {2, 5, 8},   {2, 5, 5},
                            {2, 3, 5},   {1.5, 5, 5},  {1.5, 3, 5},   {1.5, 2, 5},  {1.5, 3, 3}, {1.5, 2, 3},
                            {1.5, 2, 1}, {1.25, 2, 1}, {1.125, 2, 1}, {1.125, 1, 1}};

std::vector<Index> lengths_to(Index n_ctx_train, double times) {
  std::vector<Index> lengths{n_ctx_train};
  if (times < 2)
    return lengths.push_back(static_cast<Index>(std::llround(times * static_cast<double>(n_ctx_train)))),
           lengths;
  for (Index factor = 2; static_cast<double>(factor) <= times; factor *= 2)
    lengths.push_back(factor * n_ctx_train);
  return lengths;
}

std::string list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

bool among(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> fitting(const ScopeRequest& request, const std::vector<std::string>& methods,
                                 const std::vector<Index>& lengths) {
  return request.fitting ? request.fitting(methods, lengths) : methods;
}

/// Those that were asked for by name and do not fit such a length: it is no wish.
std::vector<std::string> named_that_do_not_fit(const ScopeRequest& request,
                                               const std::vector<Index>& lengths) {
  const std::vector<std::string> those = fitting(request, request.methods, lengths);
  std::vector<std::string> named;
  for (const std::string& method : request.methods)
    if (!among(method, those) && !among(method, request.droppable)) named.push_back(method);
  return named;
}

/// Fills in the methods for the scope's lengths, at most so many where they are to be chosen.
void take_methods(Scope& scope, const ScopeRequest& request, std::size_t most) {
  const bool choose = request.methods.empty();
  const std::vector<std::string>& from = choose ? request.usual : request.methods;
  const std::vector<std::string> those = fitting(request, from, scope.lengths);
  scope.methods.clear(), scope.unfit.clear();
  for (const std::string& method : from)
    if (!among(method, those) && (choose || among(method, request.droppable)))
      scope.unfit.push_back(method);
    else if (!choose || scope.methods.size() < most)
      scope.methods.push_back(method);
}

}  // namespace

Scope choose_scope(const ScopeRequest& request, Index n_ctx_train, const SecondsOf& seconds_of,
                   const DocumentsOf& documents_of) {
  Scope scope;
  double each = 0;
  for (const Wish& wish : kWishes) {
    scope.lengths = request.lengths.empty() ? lengths_to(n_ctx_train, wish.times) : request.lengths;
    take_methods(scope, request, wish.n_methods);
    const int there = documents_of(scope.lengths.back());
    const bool last = &wish == std::end(kWishes) - 1;
    if (!last && (there == 0 || !named_that_do_not_fit(request, scope.lengths).empty())) continue;
    scope.n_documents =
        request.n_documents > 0 ? request.n_documents : std::min(wish.n_documents, std::max(there, 1));
    each = seconds_of(scope.methods, scope.lengths);
    // A text that has fewer documents of this length is better read at lengths that it has more of.
    const bool few =
        request.n_documents == 0 && there < std::min(wish.n_documents, kFewest) && wish.times > 1.5;
    if (last || (!few && each * scope.n_documents <= request.budget_seconds)) break;
  }
  if (request.n_documents == 0 && each > 0) {
    const int most = std::clamp(documents_of(scope.lengths.back()), 1, kMostDocuments);
    const auto fit = static_cast<int>(std::min(request.budget_seconds / each, 1e6));
    scope.n_documents = std::clamp(fit, scope.n_documents, std::max(most, scope.n_documents));
  }
  scope.seconds = each * scope.n_documents;
  return scope;
}

std::vector<std::string> left_out(const Scope& scope, const ScopeRequest& request, Index n_ctx_train,
                                  const DocumentsOf& documents_of) {
  std::string by_time, by_text;
  std::vector<std::string> lines;
  const auto add = [](std::string& list, const std::string& what) {
    list += (list.empty() ? "" : "; ") + what;
  };
  const Index longest = scope.lengths.back();
  std::vector<std::string> given_up;
  for (const std::string& method : request.usual)
    if (!among(method, scope.methods) && !among(method, scope.unfit)) given_up.push_back(method);
  if (request.methods.empty() && !given_up.empty())
    add(documents_of(longest) == 0 ? by_text : by_time, "methods " + list(given_up));
  if (!scope.unfit.empty())
    lines.push_back(fmt::format("left out, since they do not fit {} tokens: methods {}", k_tokens(longest),
                                list(scope.unfit)));
  if (request.lengths.empty() && longest < 16 * n_ctx_train) {
    const Index half = n_ctx_train + n_ctx_train / 2;
    const Index next = longest < half ? half : longest < 2 * n_ctx_train ? 2 * n_ctx_train : 2 * longest;
    const int there = documents_of(next);
    const std::vector<std::string> short_of_it = named_that_do_not_fit(request, {next});
    const std::string beyond = "lengths beyond " + k_tokens(longest);
    if (!short_of_it.empty())
      lines.push_back(fmt::format("left out: {}, which {} does not fit", beyond, list(short_of_it)));
    else if (there > 0 && there < kFewest && next > half && request.n_documents == 0)
      lines.push_back(fmt::format("left out, since the text has only {} of {}: {}",
                                  counted(there, "document"), k_tokens(next), beyond));
    else
      add(there == 0 ? by_text : by_time, beyond);
  }
  if (request.n_documents == 0 && scope.n_documents < kFewest)
    add(documents_of(longest) <= scope.n_documents ? by_text : by_time,
        fmt::format("all but {}, where advice needs {}", counted(scope.n_documents, "document"), kFewest));
  if (!by_time.empty()) lines.push_back("left out for " + time_text(request.budget_seconds) + ": " + by_time);
  if (!by_text.empty()) lines.push_back("left out, since the text is too short: " + by_text);
  return lines;
}

}  // namespace rw
