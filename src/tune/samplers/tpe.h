// The tree-structured Parzen estimator: propose what looks much more like the good trials than like the others.
//
// Bergstra, Bardenet, Bengio, Kégl 2011; rules and constants are those of Optuna 5 for one objective. These are the
// parts of the sampler that the reference runs test one by one.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "domain/trial.h"
#include "tune/uniform_source.h"

namespace regulus::tune {

// The good trials and the rest, each in order of number. Good are the best tenth of the complete and pruned trials, at
// most 25: complete ones by value, then pruned ones, the later pruned the better. Running trials count as bad, so that
// nobody else goes where one already is (the "constant liar"). A value that is not a number is worst.
struct Split {
  std::vector<Trial const*> good, bad;
};
Split split_trials(std::span<Trial const> visible, Direction direction);

// The parameters of `wanted` that every complete or pruned trial has with the very same distribution; singles left out.
// Only these can be modelled jointly.
SearchSpace joint_space(SearchSpace const& wanted, std::span<Trial const> visible);

// The best of `candidates` draws from the good mixture by the ratio of the densities. No parameter of `space` may be
// single.
std::map<std::string, double> tpe_proposal(Split const& split, SearchSpace const& space, int candidates,
                                           UniformSource& source);

}  // namespace regulus::tune
