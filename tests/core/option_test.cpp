// SPDX-License-Identifier: Apache-2.0
#include "core/option.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace rw {
namespace {

TEST(Option, IsAFieldInALibraryAndAFlagInTheProgram) {
  EXPECT_EQ(option("n_predict"), "n_predict");
  EXPECT_EQ(option("texts", "--text"), "texts");
  EXPECT_EQ(option("", " (--raw)"), "");
  EXPECT_EXIT(
      {
        options_are_flags();
        const bool right = option("n_predict") == "--n-predict" && option("texts", "--text") == "--text" &&
                           option("", " (--raw)") == " (--raw)";
        std::exit(right ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace rw
