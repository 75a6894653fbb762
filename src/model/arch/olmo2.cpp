// SPDX-License-Identifier: Apache-2.0
/// OLMo 2 and 3: norms behind both parts and none before, q and k normalised as whole rows; in OLMo 3 windows
/// in three of four layers, which have no scaling.
#include "model/read_common.h"

namespace ropewalk::arch::olmo2 {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.post_norm = true, .window_period = 4, .local_is_plain = true});
}

const Register<Architecture> registered{{"olmo2", {}, read}};

}  // namespace
}  // namespace ropewalk::arch::olmo2
