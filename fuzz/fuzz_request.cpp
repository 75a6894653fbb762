// SPDX-License-Identifier: Apache-2.0
/// Any request, its first line "POST /completion" and the body behind, to the routes with the small model: an
/// answer of one status or a stream that ends, and never a 5xx.
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include "server/api.h"

#ifndef ROPEWALK_SOURCE_DIR
#define ROPEWALK_SOURCE_DIR "."  // where tools/fuzz.sh runs
#endif

namespace {

using rw::server::Api;

class Waiting : public rw::server::Reply {
 public:
  void send(int status, std::string, std::string, rw::server::Headers) override { end(status); }
  void begin_events() override {}
  void event(std::string data) override { failed_ = failed_ || data.starts_with("{\"error\""); }
  void end_events() override { end(failed_ ? 500 : 200); }
  void when_gone(std::function<void()>) override {}
  bool gone() const override { return false; }
  int wait() {
    std::unique_lock lock(mutex_);
    over_.wait(lock, [&] { return status_ != 0; });
    return status_;
  }

 private:
  void end(int status) {
    const std::lock_guard lock(mutex_);
    status_ = status;
    over_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable over_;
  int status_ = 0;
  bool failed_ = false;
};

Api& api() {
  static rw::serving::ServedModels models({{"small", ROPEWALK_SOURCE_DIR "/models/short-256.gguf"}},
                                          rw::make_cpu_backend(rw::Precision::kBf16), 0);
  static Api served(
      [] {
        rw::server::ApiOptions options;
        options.n_ctx = 96, options.n_predict = 2;
        options.scheduler.cache_bytes = 1u << 20;
        return options;
      }(),
      models);
  return served;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(all.find('\n'), all.size());
  const std::string_view first = all.substr(0, line);
  const std::size_t space = std::min(first.find(' '), first.size());
  const std::string path(first.substr(std::min(space + 1, first.size())));
  if (path.starts_with("/check")) return 0;  // it takes seconds
  const std::size_t query = std::min(path.find('?'), path.size());
  const auto reply = std::make_shared<Waiting>();
  api().handle({std::string(first.substr(0, space)), path.substr(0, query),
                query < path.size() ? path.substr(query + 1) : "",
                std::string(all.substr(std::min(line + 1, all.size())))},
               reply);
  const int status = reply->wait();
  if (status < 200 || status >= 500) std::abort();
  return 0;
}
