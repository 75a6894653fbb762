// SPDX-License-Identifier: Apache-2.0
#include "judge/named_engines.h"

#include <set>
#include <tuple>

namespace rw {

void require_engines(const Store& store, const std::vector<Item>& items) {
  std::set<std::tuple<std::string, std::string, std::string>> named;
  for (const Item& item : items)
    for (const Served& served : item.serves)
      if (named.emplace(item.task, served.label, served.resolved).second)
        store.require_engine(item.task, served.label, served.resolved);
}

}  // namespace rw
