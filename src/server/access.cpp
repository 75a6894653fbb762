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

namespace rw::server {
namespace {

constexpr std::size_t kLeastKey = 16;        // characters
constexpr std::size_t kMostKeys = 1u << 20;  // bytes of the file

bool is_address(const std::string& host) {
  boost::system::error_code failed;
  boost::asio::ip::make_address(host, failed);
  return !failed;
}

/// ":80", or nothing.
bool is_port(std::string_view text) {
  return text.empty() ||
         (text[0] == ':' && text.substr(1).find_first_not_of("0123456789") == std::string_view::npos);
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

std::string without_brackets(const std::string& address) {
  const bool has = address.size() > 2 && address.front() == '[' && address.back() == ']';
  return has ? address.substr(1, address.size() - 2) : address;
}

bool is_loopback(const std::string& address) {
  boost::system::error_code failed;
  const auto parsed = boost::asio::ip::make_address(without_brackets(address), failed);
  return failed ? address == "localhost" : parsed.is_loopback();
}

std::string host_of(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    const bool whole = end != std::string_view::npos && is_port(host.substr(end + 1));
    return whole ? lower(host.substr(1, end - 1)) : "";
  }
  const std::size_t colon = std::min(host.find(':'), host.size());
  if (host.find(':', colon + 1) < host.size()) return lower(host);  // an IPv6 address without brackets
  return is_port(host.substr(colon)) ? lower(host.substr(0, colon)) : "";
}

std::string host_name(const std::string& text) {
  std::string name = host_of(text);
  const auto wrong = [](char c) {
    return !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '-' && c != '_';
  };
  if (name.empty() || (!is_address(name) && std::any_of(name.begin(), name.end(), wrong)))
    throw UsageError("--allow-host", "a name such as box.example.org", "'" + text + "'",
                     "without a scheme, a path or *");
  return name;
}

Keys Keys::read(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IRGRP | S_IROTH)) != 0)
    throw Error(path, "a file that only its owner may read", "one that others may read", "chmod 600 " + path);
  Keys keys;
  std::string text;
  for (InputFile file(path); file.read(text, 1u << 16) && text.size() < kMostKeys;) {
  }
  for (std::size_t at = 0, line = 1; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string key = text.substr(at, end - at);
    at = end + 1;
    while (!key.empty() && (key.back() == '\r' || key.back() == ' ')) key.pop_back();
    if (key.empty() || key[0] == '#') continue;
    if (std::any_of(key.begin(), key.end(), [](char c) { return c <= ' ' || c > '~'; }))
      throw Error(path, "keys of letters, digits and signs, without blanks",
                  fmt::format("another character in line {}", line), "openssl rand -hex 24 makes one");
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
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme)) return lower(origin.substr(scheme.size())) == lower(host);
  return false;
}

}  // namespace rw::server
