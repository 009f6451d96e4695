#include "actors/call_notes.hpp"

namespace snakepit {

void note_batch(telemetry::pool_metrics& to, const std::vector<core::call_ptr>& calls,
                core::time_point time) {
  auto waits = telemetry::time_tally{};
  for (auto& x : calls)
    waits.add(time - x->admitted);
  to.sent(calls.size(), waits);
}

void note_end(telemetry::batch_tally& to, const core::call& x, const outcome& end,
              core::time_point time, const call_receipt& took) {
  auto& tool = to.of(x.group->tool);
  if (end)
    ++tool.succeeded;
  else
    tool.fail(end.error().reason);
  tool.whole.add(time - x.admitted);
  tool.run.add(took.run);
  tool.cpu += took.cpu;
}

void note_failures(telemetry::pool_metrics& to,
                   const std::vector<std::pair<core::call_ptr, error>>& ends,
                   core::time_point time) {
  if (ends.empty())
    return;
  auto batch = telemetry::batch_tally{};
  for (auto& [call, why] : ends) {
    auto& tool = batch.of(call->group->tool);
    tool.fail(why.reason);
    tool.whole.add(time - call->admitted);
  }
  to.ended(batch);
}

void note_tools(telemetry::pool_metrics& to, const core::tool_table& tools) {
  auto names = std::vector<std::string>{};
  for (auto& x : tools.list())
    names.push_back(x.name);
  to.set_tools(names);
}

} // namespace snakepit
