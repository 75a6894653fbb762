// SPDX-License-Identifier: Apache-2.0
/// Weights that a container packs in a way that no kernel reads, as rows of blocks in memory of our own:
/// their size is known when the file is opened, and they are made when they are first read.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/types.h"

namespace rw {

class Relaid {
 public:
  /// `make` fills the n_bytes. `stored`: what it makes them of, as the file holds it. Errors: std::bad_alloc.
  Relaid(std::size_t n_bytes, std::function<void(std::byte*)> make,
         std::vector<std::span<const std::byte>> stored)
      : n_bytes_(n_bytes),
        bytes_(std::make_unique_for_overwrite<std::byte[]>(n_bytes)),
        make_(std::move(make)),
        stored_(std::move(stored)) {}

  /// Where they lie, or will lie.
  std::span<const std::byte> bytes() const { return {bytes_.get(), n_bytes_}; }
  /// Returns once they are there; any number of threads may ask. Errors: what `make` throws.
  void ready() const {
    std::call_once(made_, [this] { make_(bytes_.get()); });
  }
  const std::vector<std::span<const std::byte>>& stored() const { return stored_; }

 private:
  std::size_t n_bytes_;
  std::unique_ptr<std::byte[]> bytes_;
  std::function<void(std::byte*)> make_;
  std::vector<std::span<const std::byte>> stored_;
  mutable std::once_flag made_;
};

}  // namespace rw
