// SPDX-License-Identifier: Apache-2.0
/// GET /: the page. Its files are in server/page/, and in the program.
#include "server/api.h"
#include "server/page_files.h"

namespace rw::server::page {
namespace {

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void page(Api& api, const Request& request, const std::shared_ptr<Reply>& reply) {
  const std::string name = request.path == "/" ? "index.html" : request.path.substr(1);
  for (const PageFile& file : kPageFiles)
    if (api.options.page && file.name == name)
      return reply->send(200, std::string(file.type), std::string(file.text),
                         {{"Content-Security-Policy", kPolicy},
                          {"Referrer-Policy", "no-referrer"},
                          {"Cache-Control", "no-cache"}});
  throw ApiError(404, "", "a route of this server", "the page, which serve --no-page leaves out");
}

std::vector<std::string> paths() {
  std::vector<std::string> all;
  for (const PageFile& file : kPageFiles)
    if (file.name != "index.html") all.push_back("GET /" + std::string(file.name));
  return all;
}

const Register<Route> registered{{"GET /", paths(), page}};

}  // namespace
}  // namespace rw::server::page
