// SPDX-License-Identifier: Apache-2.0
/// The models that a server offers by name: loaded when one is first asked for, forgotten, the longest unused
/// first, where another needs their memory.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "model/method_choice.h"
#include "model/model.h"

namespace rw::serving {

/// No place now, but perhaps soon.
class Busy : public Error {
 public:
  using Error::Error;
};
/// No model of that name.
class UnknownModel : public Error {
 public:
  using Error::Error;
};

/// More weights than the budget has, also when it is the only one.
class TooLarge : public Error {
 public:
  using Error::Error;
};

/// Which file it is, and when it was last written to.
struct FileStamp {
  std::string path;
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t seconds = 0, nanoseconds = 0;
  bool operator==(const FileStamp&) const = default;
};

struct LoadedModel {
  std::string name;
  std::shared_ptr<const Model> model;
  std::vector<TunedSetting> tuned;  ///< as they were when it was loaded
  std::string tuned_trouble;        ///< why the file of these cannot be used; empty: it can, or is not there
  std::vector<FileStamp> files;     ///< that it is mapped from, as they were then
  /// Whether one was since: what is mapped of it is another model now. Another file in its place is none.
  bool written_to() const;
  mutable std::atomic<bool> left{false};  ///< served no more: who ends its last text forgets it
  /// choice_for of n tokens, read and written. Errors: also Error where "auto" needs what tune found
  /// and that cannot be read.
  AutoChoice choice(const std::string& method, Index n) const;
};

/// A model that is not loaded.
class NotLoaded : public Error {
 public:
  explicit NotLoaded(std::string model)
      : Error("model", "one that is loaded", "'" + model + "'"), name(std::move(model)) {}
  const std::string name;
};

/// While one lives its model stays. Copied and destroyed by any thread.
using ModelUse = std::shared_ptr<const LoadedModel>;

/// Thread-safe.
class ServedModels {
 public:
  struct Named {
    std::string name, path;
  };
  /// `budget_bytes`: of all weights that are loaded at once; 0: three quarters of what is free now, for more
  /// than one. What a model takes of it is its file, or where `backend`'s context states a room for weights
  /// (Context::weight_memory) that much of what is mapped. Says which models it can never hold.
  /// `forget`: called before a model goes, which nobody uses any more, for who keeps something of
  /// it; by any thread, one at a time.
  ServedModels(std::vector<Named> models, std::shared_ptr<const Backend> backend, std::size_t budget_bytes);
  void set_forget(std::function<void(const Model&)> forget) { forget_ = std::move(forget); }

  /// Of an empty name the first. Where the budget has no room it waits for who uses another, which nobody
  /// gets meanwhile, until 5 s behind `since` (now_seconds(); 0: now). Errors: UnknownModel; TooLarge; Busy;
  /// Model::load's, and Error for an encoder or a model without a tokenizer.
  ModelUse use(const std::string& name, double since = 0);
  /// The same, at once. Errors: UnknownModel; NotLoaded, also of one that leaves or was written_to: `use`
  /// loads that anew.
  ModelUse loaded(const std::string& name);

  struct View {
    std::string name;
    ModelUse use;           ///< none: not loaded
    std::size_t bytes = 0;  ///< of weights, where loaded; else of the file
  };
  std::vector<View> view() const;
  const std::string& first() const { return entries_.front().named.name; }

 private:
  struct Entry {
    Named named;
    ModelUse use;               // none: not loaded
    std::size_t bytes = 0;      // of its weights
    std::size_t in_memory = 0;  // of them: that it takes of the budget
    double last_used = 0;
    bool loading = false;
    bool leaving = false;  // asked for no more, until it has gone or another was not let in
  };
  Entry& find(const std::string& name);
  void measure(const ModelFile& file, Entry& entry) const;
  void require_room(const Entry& wanted) const;
  void make_room(const Entry& wanted, double since, std::unique_lock<std::mutex>& lock);
  void drop(Entry& entry, std::unique_lock<std::mutex>& lock);

  std::shared_ptr<const Backend> backend_;
  const bool stated_;
  const std::size_t budget_;
  std::function<void(const Model&)> forget_;
  mutable std::mutex mutex_;
  std::condition_variable loaded_;
  std::vector<Entry> entries_;
};

}  // namespace rw::serving
