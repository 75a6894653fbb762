// SPDX-License-Identifier: Apache-2.0
/// What tools/make_golden_tokenizer_families.py has written.
#pragma once
#include <gtest/gtest.h>

#include "golden_text.h"

namespace rw::testing {

inline const Json& families() {
  static const Json json = parse_json(read_golden("tokenizer_families.json"), "tokenizer_families.json");
  return json;
}

inline void expect_ids(const Tokenizer& tokenizer, const Json& golden, const std::string& name,
                       bool special = false) {
  ASSERT_GE(golden["blocks"].size(), 2u);
  for (std::size_t i = 0; i < golden["blocks"].size(); ++i)
    EXPECT_EQ(summary(tokenizer.encode(mixed_blocks()[i], special)), golden["blocks"][i])
        << name << ", block " << i;
  if (golden.contains("damaged")) {
    EXPECT_EQ(summary(tokenizer.encode(damaged_block(), special)), golden["damaged"]) << name;
  }
}

}  // namespace rw::testing
