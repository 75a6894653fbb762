// SPDX-License-Identifier: Apache-2.0
#include "serving/served_models.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "core/progress.h"
#include "core/tell.h"
#include "core/text.h"
#include "model/memory.h"
#include "model/weight_outlook.h"

namespace rw::serving {
namespace {

constexpr double kPatience = 5;  // seconds that a load waits for who uses another model
constexpr int kMostOpened = 3;   // times, of a file that is written to meanwhile

/// None of what is not there (any more).
std::optional<FileStamp> stamp_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
#ifdef __APPLE__
  const timespec& changed = info.st_mtimespec;
#else
  const timespec& changed = info.st_mtim;
#endif
  return FileStamp{path,           static_cast<std::uint64_t>(info.st_dev),
                   info.st_ino,    static_cast<std::uint64_t>(info.st_size),
                   changed.tv_sec, changed.tv_nsec};
}

std::vector<FileStamp> stamps_of(const std::vector<std::string>& paths) {
  std::vector<FileStamp> stamps;
  for (const std::string& path : paths)
    if (auto stamp = stamp_of(path)) stamps.push_back(*std::move(stamp));
  return stamps;
}

/// `stamps`: of its files, from before they were opened: what is written from then on is noticed.
std::shared_ptr<const LoadedModel> load(const ServedModels::Named& named,
                                        const std::shared_ptr<const ModelFile>& file,
                                        std::vector<FileStamp> stamps,
                                        const std::shared_ptr<const Backend>& backend) {
  if (read_config(*file).encoder)
    throw Error(named.name, "a decoder, which writes on in a text", "an encoder, which fills gaps in one");
  auto loaded = std::make_shared<LoadedModel>();
  loaded->name = named.name;
  loaded->files = std::move(stamps);
  loaded->model = Model::load(file, backend);
  loaded->model->tokenizer();  // its errors, now
  if (const std::string words = words_of(loaded->model->outlook()); !words.empty())
    tell("{}", wrapped(named.name + ": " + words, "  "));
  const ModelConfig& config = loaded->model->config();
  if (config.n_acting_layers() < config.n_layers())
    tell("{}: methods act on {} layers\n", named.name, config.acting_layers());
  try {
    loaded->tuned = tuned_settings(named.path);
  } catch (const Error& error) {  // of no matter to a method that is named
    loaded->tuned_trouble = error.what();
    tell("{}: what tune found is not used: {}\n", named.name, error.what());
  }
  return loaded;
}

}  // namespace

bool LoadedModel::written_to() const {
  return std::any_of(files.begin(), files.end(), [](const FileStamp& then) {
    const std::optional<FileStamp> now = stamp_of(then.path);
    return now && now->device == then.device && now->inode == then.inode && *now != then;
  });
}

AutoChoice LoadedModel::choice(const std::string& method, Index n) const {
  if (method == "auto" && n > model->config().n_ctx_train && !tuned_trouble.empty())
    throw Error("method", "settings of ropewalk tune beside " + name, "a file that cannot be used",
                "name a method, or mend it: the server's log says what is wrong");
  return choice_for(method, model->config(), n, tuned);
}

ServedModels::ServedModels(std::vector<Named> models, std::shared_ptr<const Backend> backend,
                           std::size_t budget_bytes)
    : backend_(std::move(backend)),
      stated_(budget_bytes > 0),
      budget_(stated_ ? budget_bytes : available_memory() / 4 * 3) {
  RW_CHECK(!models.empty());
  for (Named& named : models) {
    entries_.push_back({.named = std::move(named), .use = nullptr});
    measure(*ModelFile::open(entries_.back().named.path), entries_.back());
    try {
      require_room(entries_.back());
    } catch (const TooLarge& error) {
      if (entries_.size() > 1) tell("{}: it is served to nobody\n", error.what());  // the first is loaded now
    }
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

/// Of the budget it takes what is laid out in memory of ours, and of what is mapped no more than the room for
/// it.
void ServedModels::measure(const ModelFile& file, Entry& entry) const {
  const std::size_t room = backend_->context()->weight_memory();  // 0: as much as there is
  std::size_t mapped = 0, unpacked = 0;
  for (const auto& tensor : file.tensors()) (tensor.relaid.empty() ? mapped : unpacked) += tensor.n_bytes();
  entry.bytes = mapped + unpacked;
  entry.in_memory = unpacked + (room > 0 ? std::min(mapped, room) : mapped);
}

void ServedModels::require_room(const Entry& wanted) const {
  if (stated_ && wanted.in_memory > budget_)
    throw TooLarge(wanted.named.name, fmt::format("weights of {} KiB at most", budget_ >> 10),
                   fmt::format("{} KiB", (wanted.in_memory + 1023) >> 10),
                   "start the server with a greater --memory, or with a --weight-memory that is less, beyond "
                   "which weights are read from the disk");
}

/// Models that nobody uses go, the longest unused first.
void ServedModels::make_room(const Entry& wanted, double since, std::unique_lock<std::mutex>& lock) {
  require_room(wanted);   // before others go for it
  while (budget_ != 0) {  // 0: the system does not say what is free
    std::size_t taken = wanted.in_memory;
    Entry *oldest = nullptr, *idle = nullptr;
    for (Entry& each : entries_) {
      if (&each == &wanted || (!each.use && !each.loading)) continue;
      taken += each.in_memory;
      if (!each.use) continue;
      if (!oldest || each.last_used < oldest->last_used) oldest = &each;
      if (each.use.use_count() == 1 && (!idle || each.last_used < idle->last_used)) idle = &each;
    }
    if (taken <= budget_ || taken == wanted.in_memory) return;  // alone: load says if it fits
    if (idle == nullptr) {
      if (now_seconds() - since > kPatience)
        throw Busy("memory", fmt::format("room for {}", wanted.named.name), "other models in use",
                   "ask again when they have ended");
      if (oldest) oldest->leaving = true;  // else who asks for it without a pause would keep it for ever
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      lock.lock();
      continue;
    }
    drop(*idle, lock);
  }
}

void ServedModels::drop(Entry& entry, std::unique_lock<std::mutex>& lock) {
  ModelUse going = std::exchange(entry.use, nullptr);
  going->left = true;
  lock.unlock();
  if (forget_) forget_(*going->model);
  going = nullptr;  // its weights are given back while nobody waits for the lock
  lock.lock();
}

ModelUse ServedModels::loaded(const std::string& name) {
  ModelUse use;
  std::string its;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = find(name);
    its = entry.named.name;
    if (!entry.leaving) use = entry.use;
    entry.last_used = now_seconds();
  }
  if (!use || use->written_to()) throw NotLoaded(its);  // a disk may take its time: not under the lock
  return use;
}

ModelUse ServedModels::use(const std::string& name, double since) {
  std::unique_lock lock(mutex_);
  Entry& entry = find(name);
  loaded_.wait(lock, [&] { return !entry.loading; });
  entry.last_used = now_seconds();
  if (entry.use && !entry.use->written_to()) return entry.use;
  entry.loading = true;
  ModelUse loaded;
  const auto stay = [&] {
    for (Entry& each : entries_) each.leaving = false;
  };
  try {
    if (entry.use) {
      tell("{}: its file was written to; it is loaded anew\n", entry.named.name);
      drop(entry, lock);
    }
    lock.unlock();
    std::shared_ptr<const ModelFile> file = ModelFile::open(entry.named.path);
    lock.lock();
    measure(*file, entry);  // another file may lie there by now
    make_room(entry, since > 0 ? since : now_seconds(), lock);
    stay();
    lock.unlock();
    std::vector<FileStamp> stamps;
    // Anew: the wait may have taken a while, and so may this. One that is written to all the time is loaded
    // as it is: `stamps` tell the next request.
    for (int i = 0; i < kMostOpened && (i == 0 || stamps_of(file->files()) != stamps); ++i) {
      stamps = stamps_of(file->files());
      file = ModelFile::open(entry.named.path);
    }
    loaded = load(entry.named, file, std::move(stamps), backend_);
    lock.lock();
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    entry.loading = false;
    stay();
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
    views.push_back({each.named.name, each.use, each.use ? each.use->model->bytes() : each.bytes});
  return views;
}

}  // namespace rw::serving
