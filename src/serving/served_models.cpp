// SPDX-License-Identifier: Apache-2.0
#include "serving/served_models.h"

#include <algorithm>

#include "core/progress.h"

namespace ropewalk::serving {
namespace {

std::size_t bytes_of(const ModelFile& file) {
  std::size_t bytes = 0;
  for (const auto& tensor : file.tensors()) bytes += tensor.n_bytes();
  return bytes;
}

std::shared_ptr<const LoadedModel> load(const ServedModels::Named& named,
                                        const std::shared_ptr<const Backend>& backend) {
  const std::shared_ptr<const ModelFile> file = ModelFile::open(named.path);
  if (read_config(*file).encoder)
    throw Error(named.name, "a decoder, which writes on in a text", "an encoder, which fills gaps in one");
  auto loaded = std::make_shared<LoadedModel>();
  loaded->name = named.name;
  loaded->model = Model::load(file, backend);
  loaded->model->tokenizer();  // its errors, now
  loaded->tuned = tuned_settings(named.path);
  return loaded;
}

}  // namespace

ServedModels::ServedModels(std::vector<Named> models, std::shared_ptr<const Backend> backend,
                           std::size_t budget_bytes)
    : backend_(std::move(backend)), budget_(budget_bytes) {
  RW_CHECK(!models.empty());
  for (Named& named : models) {
    const std::size_t bytes = bytes_of(*ModelFile::open(named.path));
    entries_.push_back({std::move(named), nullptr, bytes});
  }
}

ServedModels::Entry& ServedModels::find(const std::string& name) {
  if (name.empty()) return entries_.front();
  const auto entry =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.named.name == name; });
  if (entry != entries_.end()) return *entry;
  std::vector<std::string> names;
  for (const Entry& each : entries_) names.push_back(each.named.name);
  throw UnknownModel("model", fmt::format("{}", fmt::join(names, " or ")), "'" + name + "'",
                     "GET /v1/models lists them");
}

/// Models that nobody uses go, the longest unused first.
void ServedModels::make_room(const Entry& wanted, std::unique_lock<std::mutex>& lock) {
  while (budget_ != 0) {
    std::size_t taken = wanted.file_bytes;
    Entry* oldest = nullptr;
    for (Entry& each : entries_) {
      if (&each == &wanted || (!each.use && !each.loading)) continue;
      taken += each.use ? each.use->model->bytes() : each.file_bytes;
      if (each.use && each.use.use_count() == 1 && (!oldest || each.last_used < oldest->last_used))
        oldest = &each;
    }
    if (taken <= budget_) return;
    if (oldest == nullptr) {
      if (taken == wanted.file_bytes)
        throw Error(wanted.named.name, fmt::format("weights of {} MiB at most", budget_ >> 20),
                    fmt::format("{} MiB", taken >> 20), "start the server with a greater --memory");
      throw Busy("memory", fmt::format("room for {}", wanted.named.name), "other models in use",
                 "ask again when they have ended");
    }
    const ModelUse going = std::move(oldest->use);
    oldest->use = nullptr;
    lock.unlock();
    if (forget_) forget_(*going->model);
    lock.lock();
  }
}

ModelUse ServedModels::use(const std::string& name) {
  std::unique_lock lock(mutex_);
  Entry& entry = find(name);
  loaded_.wait(lock, [&] { return !entry.loading; });
  entry.last_used = now_seconds();
  if (entry.use) return entry.use;
  entry.loading = true;
  ModelUse loaded;
  try {
    make_room(entry, lock);
    lock.unlock();
    loaded = load(entry.named, backend_);
    lock.lock();
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    entry.loading = false;
    loaded_.notify_all();
    throw;
  }
  entry.loading = false;
  entry.use = loaded;
  loaded_.notify_all();
  return loaded;
}

std::vector<ServedModels::View> ServedModels::view() const {
  const std::lock_guard lock(mutex_);
  std::vector<View> views;
  for (const Entry& each : entries_)
    views.push_back({each.named.name, each.use, each.use ? each.use->model->bytes() : each.file_bytes});
  return views;
}

}  // namespace ropewalk::serving
