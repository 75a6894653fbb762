// SPDX-License-Identifier: Apache-2.0
// Reads a text past what its model was trained on, says how well it was foreseen, and writes on.
//     reader MODEL METHOD < text
#include <ropewalk/ropewalk.h>

#include <iostream>
#include <iterator>
#include <numeric>

int main(int argc, char** argv) try {
  if (argc != 3) return std::cerr << "reader MODEL METHOD < text\n", 2;
  const ropewalk::Model model = ropewalk::Model::load(argv[1]);
  const std::string text(std::istreambuf_iterator<char>(std::cin), {});
  const std::vector<ropewalk::Token> tokens = model.tokenize(text, false, true);
  const auto n = static_cast<ropewalk::Index>(tokens.size());

  ropewalk::Session session(model, {.method = argv[2], .n = n + 32});
  std::vector<double> losses(tokens.size() - 1);
  session.losses(tokens, losses);
  std::cout << n << " tokens, trained on " << model.n_ctx_train() << ", method "
            << session.sequence().method() << "\nloss "
            << std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(n - 1)
            << " nats a token\n";

  session.truncate(n - 1);  // the last token is read again: what follows it is written
  ropewalk::Generation answer(session, std::span(tokens).last(1), {.n_predict = 24, .ignore_end = true});
  while (const std::optional<std::string> piece = answer.next()) std::cout << *piece << std::flush;
  std::cout << "\n";
} catch (const ropewalk::Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
