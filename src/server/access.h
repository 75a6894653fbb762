// SPDX-License-Identifier: Apache-2.0
/// Who may ask: the names that a server is called by, pages of other hosts, and keys.
#pragma once
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace rw::server {

/// Whether an address is this machine's own loopback: then only its own programs reach it.
bool is_loopback(const std::string& address);

/// "::1" of "[::1]", as URLs have it; others as they are.
std::string without_brackets(const std::string& address);

/// The host of "name:80", "[::1]:80" or "name"; in lower case, without the brackets; empty: it is none.
std::string host_of(std::string_view host);
/// The same of what --allow-host says. Errors: UsageError for what no Host could name.
std::string host_name(const std::string& text);

/// Keys as SHA-256, compared in constant time.
class Keys {
 public:
  Keys() = default;
  /// A file with a key in each line; blank lines and those that begin with # are none. Errors: Error for a
  /// file that cannot be read, that others may read, or that has no key; for one under 16 characters, or with
  /// characters that are not printable ASCII.
  static Keys read(const std::string& path);
  bool none() const { return digests_.empty(); }
  /// Of an Authorization header: "Bearer KEY", or "Basic" with the key as password.
  bool allow(std::string_view authorization) const;

 private:
  std::vector<std::string> digests_;
};

struct Access {
  Keys keys;
  std::set<std::string> hosts;  ///< names beside localhost, in lower case

  /// A name in Host that is not the server's own may lead a browser here (DNS rebinding): only addresses,
  /// localhost and `hosts` are.
  bool host_allowed(std::string_view host) const;
  /// Whether a page of that origin is this server's own; behind a proxy it may be of https.
  static bool origin_allowed(std::string_view origin, std::string_view host);
};

}  // namespace rw::server
