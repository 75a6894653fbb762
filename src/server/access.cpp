// SPDX-License-Identifier: Apache-2.0
#include "server/access.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "core/error.h"
#include "core/hash.h"
#include "core/input_file.h"

namespace ropewalk::server {
namespace {

constexpr std::size_t kLeastKey = 16;        // characters
constexpr std::size_t kMostKeys = 1u << 20;  // bytes of the file

bool is_address(const std::string& host) {
  boost::system::error_code failed;
  boost::asio::ip::make_address(host, failed);
  return !failed;
}

std::string lower(std::string_view text) {
  std::string low(text);
  for (char& c : low)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return low;
}

/// The password of "name:password" in base64; empty: it is none.
std::string password_of(std::string_view encoded) {
  std::string decoded(encoded.size(), '\0');
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                                reinterpret_cast<const unsigned char*>(encoded.data()),
                                static_cast<int>(encoded.size()));
  const auto padding = static_cast<std::size_t>(std::count(encoded.begin(), encoded.end(), '='));
  if (n < 0 || padding > 2 || static_cast<std::size_t>(n) < padding) return "";
  decoded.resize(static_cast<std::size_t>(n) - padding);
  const std::size_t colon = decoded.find(':');
  return colon == std::string::npos ? "" : decoded.substr(colon + 1);
}

}  // namespace

bool is_loopback(const std::string& address) {
  boost::system::error_code failed;
  const auto parsed = boost::asio::ip::make_address(address, failed);
  return failed ? address == "localhost" : parsed.is_loopback();
}

std::string host_of(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    const bool whole = end != std::string_view::npos && (end + 1 == host.size() || host[end + 1] == ':');
    return whole ? lower(host.substr(1, end - 1)) : "";
  }
  const std::size_t colon = host.find(':');
  if (colon != host.rfind(':')) return lower(host);  // an IPv6 address without brackets
  return lower(host.substr(0, colon));
}

Keys Keys::read(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IRGRP | S_IROTH)) != 0)
    throw Error(path, "a file that only its owner may read", "one that others may read", "chmod 600 " + path);
  Keys keys;
  std::string text;
  for (InputFile file(path); file.read(text, 1u << 16) && text.size() < kMostKeys;) {
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string key = text.substr(at, end - at);
    at = end + 1;
    while (!key.empty() && (key.back() == '\r' || key.back() == ' ')) key.pop_back();
    if (key.empty() || key[0] == '#') continue;
    if (key.size() < kLeastKey)
      throw Error(path, fmt::format("keys of {} characters at least", kLeastKey),
                  fmt::format("one of {}", key.size()), "openssl rand -hex 24 makes one");
    keys.digests_.push_back(sha256(key));
  }
  if (keys.none()) throw Error(path, "a key in each line", "none", "openssl rand -hex 24 makes one");
  return keys;
}

bool Keys::allow(std::string_view authorization) const {
  std::string key;
  const std::size_t space = std::min(authorization.find(' '), authorization.size());
  const std::string scheme = lower(authorization.substr(0, space));
  const std::string_view rest = authorization.substr(std::min(space + 1, authorization.size()));
  if (scheme == "bearer") key = rest;
  if (scheme == "basic") key = password_of(rest);
  const std::string digest = sha256(key);
  bool allowed = false;  // all are compared, and each whole
  for (const std::string& each : digests_)
    allowed = (CRYPTO_memcmp(each.data(), digest.data(), digest.size()) == 0) || allowed;
  return allowed;
}

bool Access::host_allowed(std::string_view host) const {
  const std::string name = host_of(host);
  return name == "localhost" || is_address(name) || hosts.contains(name);
}

bool Access::origin_allowed(std::string_view origin, std::string_view host) {
  const std::size_t behind = origin.find("://");
  return behind != std::string_view::npos && lower(origin.substr(behind + 3)) == lower(host);
}

}  // namespace ropewalk::server
