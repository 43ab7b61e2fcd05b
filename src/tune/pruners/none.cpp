#include "tune/pruner.h"

namespace regulus::tune {
namespace {

class NeverPruner final : public Pruner {
 public:
  Verdict judge(Trial const&, std::span<Trial const>, Direction) const override { return {}; }
};

}  // namespace

std::unique_ptr<Pruner> make_none_pruner(PrunerConfig const&) { return std::make_unique<NeverPruner>(); }

}  // namespace regulus::tune
