# SPDX-License-Identifier: Apache-2.0
# The kernel tests once per instruction set that this machine has.
if(TARGET test_kernels)
  add_isa_runs(kernels test_kernels slow)
endif()
