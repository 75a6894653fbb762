// SPDX-License-Identifier: Apache-2.0
/// https: a server whose certificate the system trusts is asked, and no other.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "fake_server.h"
#include "remote/server.h"

namespace rw::remote {
namespace {

/// A certificate of localhost, signed by itself, and its key, as PEM.
struct Certificate {
  std::string certificate, key;
  Certificate() {
    EVP_PKEY* pair = EVP_EC_gen("P-256");
    X509* made = X509_new();
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 24 * 3600);
    X509_set_pubkey(made, pair);
    X509_NAME* name = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"),
                               -1, -1, 0);
    X509_set_issuer_name(made, name);
    X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(made, names, -1);
    X509_sign(made, pair, EVP_sha256());
    BIO* out = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(out, made);
    certificate = text_of(out);
    PEM_write_bio_PrivateKey(out, pair, nullptr, nullptr, 0, nullptr, nullptr);
    key = text_of(out);
    BIO_free(out), X509_EXTENSION_free(names), X509_free(made), EVP_PKEY_free(pair);
  }

 private:
  /// All that was written, taken out.
  static std::string text_of(BIO* bio) {
    std::string text(BIO_pending(bio), ' ');
    BIO_read(bio, text.data(), static_cast<int>(text.size()));
    return text;
  }
};

TEST(HttpsTest, a_server_is_asked_whose_certificate_is_trusted) {
  const Certificate own;
  boost::asio::ssl::context tls(boost::asio::ssl::context::tls_server);
  tls.use_certificate(boost::asio::buffer(own.certificate), boost::asio::ssl::context::pem);
  tls.use_private_key(boost::asio::buffer(own.key), boost::asio::ssl::context::pem);
  FakeServer server(
      [](const std::string&, const JsonInput&) -> FakeAnswer {
        return {200, R"({"data":[{"id":"m"}]})"};
      },
      &tls);
  const std::string port = std::to_string(server.port());
  ServerOptions options;
  options.first_wait = 0.001;
  const auto ask = [&](const std::string& host) {
    return Server(parse_url("https://" + host + ":" + port + "/v1", "x"), options).model();
  };
  try {
    ask("localhost");
    FAIL() << "nobody said that it is to be trusted";
  } catch (const NoAnswer& error) {
    EXPECT_FALSE(error.may_pass());
    EXPECT_NE(error.hint().find("SSL_CERT_FILE"), std::string::npos);
  }
  const std::string path = (std::filesystem::temp_directory_path() / ("ropewalk-" + port + ".pem")).string();
  std::ofstream(path) << own.certificate;
  ::setenv("SSL_CERT_FILE", path.c_str(), 1);
  EXPECT_EQ(ask("localhost"), "m");
  EXPECT_THROW(ask("127.0.0.1"), NoAnswer);  // the certificate is of another name
  ::unsetenv("SSL_CERT_FILE");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace rw::remote
