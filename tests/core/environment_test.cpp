#include "actors/core/environment.hpp"

#include <doctest/doctest.h>

using snakepit::core::environment_layers;
using snakepit::core::merge_environment;

using texts = std::vector<std::string>;

TEST_CASE("a later layer of the environment wins [W3]") {
  environment_layers x;
  x.host = {"A=host", "B=host", "C=host"};
  x.configured = {{"B", "configured"}, {"C", "configured"}};
  x.ours = {{"C", "ours"}, {"SNAKEPIT_RUN_ID", "r"}};
  CHECK(merge_environment(x) == texts{"A=host", "B=configured", "C=ours", "SNAKEPIT_RUN_ID=r"});
}

TEST_CASE("the bridge comes first on the module path, then ours, then what was there [W3]") {
  environment_layers x;
  x.module_path = {"/bridge", "", "/mine"};
  SUBCASE("nothing was there") {
    CHECK(merge_environment(x) == texts{"PYTHONPATH=/bridge:/mine"});
  }
  SUBCASE("the host had one") {
    x.host = {"PYTHONPATH=/host"};
    CHECK(merge_environment(x) == texts{"PYTHONPATH=/bridge:/mine:/host"});
  }
  SUBCASE("the configuration replaces the host's") {
    x.host = {"PYTHONPATH=/host"};
    x.configured = {{"PYTHONPATH", "/configured"}};
    CHECK(merge_environment(x) == texts{"PYTHONPATH=/bridge:/mine:/configured"});
  }
}

TEST_CASE("odd entries of the host's environment do no harm [W3]") {
  environment_layers x;
  x.host = {"A=first", "A=second", "no_value", "=x", "", "B=", "C=a=b"};
  CHECK(merge_environment(x) == texts{"A=first", "B=", "C=a=b"});
}
