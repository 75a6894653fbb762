// SPDX-License-Identifier: Apache-2.0
/// Train short, test long: the whole story from nothing.
#pragma once
#include <memory>

#include "cli/train_run.h"

namespace rw {

/// Trains a small model on short stretches of the texts that come with the program, and lets eval judge it
/// at 16 times that length on a book that it was not trained on. Returns eval's exit code. Errors: as
/// run_training; Error where the texts are not there.
int run_training_demo(const TrainRunOptions& options, const std::shared_ptr<Context>& context);

}  // namespace rw
