#pragma once

#include <iostream>
#include <rapidcheck.h>
#include <utility>

namespace snakepit::test {

/// Whether a property holds in that many random cases. If not, prints the smallest case found and
/// the seed; `RC_PARAMS="seed=..."` in the environment repeats it.
template <class F>
bool holds(int cases, F&& property) {
  auto params = rc::detail::configuration().testParams;
  params.maxSuccess = cases;
  auto end =
    rc::detail::checkTestable(std::forward<F>(property), rc::detail::TestMetadata{}, params);
  if (end.template is<rc::detail::SuccessResult>())
    return true;
  std::cerr << "seed=" << params.seed << '\n';
  rc::detail::printResultMessage(end, std::cerr);
  std::cerr << std::endl;
  return false;
}

} // namespace snakepit::test
