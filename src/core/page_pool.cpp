// SPDX-License-Identifier: Apache-2.0
#include "core/page_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <vector>

namespace rw {
namespace {

constexpr std::size_t kHugePage = std::size_t{1} << 21;

std::size_t rounded_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

}  // namespace

/// Huge pages' worth of address space, aligned to them.
class PagePool::Area {
 public:
  explicit Area(std::size_t piece_bytes)
      : piece_(piece_bytes), size_(rounded_up(std::max(piece_bytes, kHugePage), kHugePage)) {
    void* p = ::mmap(nullptr, size_ + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    const std::size_t to_border =
        rounded_up(reinterpret_cast<std::size_t>(p), kHugePage) - reinterpret_cast<std::size_t>(p);
    base_ = static_cast<std::byte*>(p) + to_border;
    // What stands out on both sides would count where addresses are limited (ulimit -v).
    if (to_border > 0) ::munmap(p, to_border);
    if (to_border < kHugePage) ::munmap(base_ + size_, kHugePage - to_border);
#ifdef MADV_HUGEPAGE
    (void)::madvise(base_, size_, MADV_HUGEPAGE);  // small pages do, where there are none
#endif
    for (std::size_t i = size_ / piece_; i > 0; --i) free_.push_back({base_ + (i - 1) * piece_, false});
    n_pieces_ = free_.size();
  }
  ~Area() { ::munmap(base_, size_); }
  Area(const Area&) = delete;
  Area& operator=(const Area&) = delete;

  bool full() const { return free_.empty(); }
  bool empty() const { return free_.size() == n_pieces_; }
  bool holds(const std::byte* p) const { return p >= base_ && p < base_ + size_; }
  std::size_t size() const { return size_; }
  std::byte* take() {
    const Piece piece = free_.back();
    free_.pop_back();
    if (piece.used) std::memset(piece.at, 0, piece_);
    return piece.at;
  }
  void give(std::byte* p) { free_.push_back({p, true}); }

 private:
  struct Piece {
    std::byte* at;
    bool used;  // so it must be zeroed
  };
  std::size_t piece_, size_, n_pieces_ = 0;
  std::byte* base_ = nullptr;
  std::vector<Piece> free_;
};

struct PagePool::Areas {
  std::mutex mutex;
  std::map<std::size_t, std::vector<std::unique_ptr<Area>>> areas;  // by size of piece
  std::atomic<std::size_t> promised{0}, taken{0};

  std::size_t idle() const {
    std::size_t total = 0;
    for (const auto& [piece, of_size] : areas)
      for (const auto& area : of_size) total += area->empty() ? area->size() : 0;
    return total;
  }
  std::byte* take(std::size_t piece) {
    const std::lock_guard lock(mutex);
    std::vector<std::unique_ptr<Area>>& of_size = areas[piece];
    for (auto& area : of_size)
      if (!area->full()) return area->take();
    of_size.push_back(std::make_unique<Area>(piece));
    return of_size.back()->take();
  }
  void give(std::size_t piece, std::byte* p) {
    const std::lock_guard lock(mutex);
    std::vector<std::unique_ptr<Area>>& of_size = areas[piece];
    for (auto& area : of_size) {
      if (!area->holds(p)) continue;
      area->give(p);
      if (area->empty() && idle() > kIdleKept) {  // back to the system
        std::swap(area, of_size.back());
        of_size.pop_back();
      }
      return;
    }
  }
};

PagePool::PagePool() : areas_(std::make_shared<Areas>()) {}

std::shared_ptr<std::byte> PagePool::take(Index bytes) {
  const std::size_t piece = rounded_up(static_cast<std::size_t>(std::max<Index>(bytes, 1)), 64);
  std::byte* taken = areas_->take(piece);
  areas_->taken += piece;
  return {taken, [piece, areas = areas_](std::byte* p) {
            areas->taken -= piece;
            areas->give(piece, p);
          }};
}

std::size_t PagePool::bytes() const {
  const std::lock_guard lock(areas_->mutex);
  std::size_t total = 0;
  for (const auto& [piece, of_size] : areas_->areas)
    for (const auto& area : of_size) total += area->size();
  return total;
}

std::shared_ptr<const void> PagePool::promise(std::size_t bytes) {
  areas_->promised += bytes;
  return {nullptr, [bytes, areas = areas_](const void*) { areas->promised -= bytes; }};
}

std::size_t PagePool::promised() const {
  const std::size_t all = areas_->promised, taken = areas_->taken, held = bytes();
  return all - std::min(all, held - std::min(held, taken));
}

}  // namespace rw
