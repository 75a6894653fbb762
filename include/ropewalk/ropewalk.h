// SPDX-License-Identifier: Apache-2.0
/// All of the library.
#pragma once
#include "ropewalk/api.h"
#include "ropewalk/engine.h"
#include "ropewalk/error.h"
#include "ropewalk/eval.h"
#include "ropewalk/method.h"
#include "ropewalk/model.h"
#include "ropewalk/session.h"
