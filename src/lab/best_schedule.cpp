#include "lab/best_schedule.h"

#include <algorithm>

namespace regulus::lab {
namespace {

constexpr float unreachable = 1e30F;
constexpr float tolerance = 1e-3F;  // prices closer than this are equal; values are points in the tens

std::size_t at(int i) { return static_cast<std::size_t>(i); }

}  // namespace

std::span<float> BestSchedule::values(int jobs, int steps) {
  jobs_ = jobs;
  steps_ = steps;
  values_.resize(at(jobs) * at(steps));
  return values_;
}

void BestSchedule::solve() {
  surplus_.assign(at(jobs_), 0);
  price_.assign(at(steps_), 0);
  step_of_.assign(at(jobs_), -1);
  job_of_.assign(at(steps_), -1);
  distance_.resize(at(steps_));
  previous_.resize(at(steps_));
  settled_.resize(at(steps_));
  for (int job = 0; job < jobs_; ++job) insert(job);
  total_ = 0;
  for (int step = 0; step < steps_; ++step) {
    if (job_of_[at(step)] >= 0) total_ += value(job_of_[at(step)], step);
  }
  lower_prices();
}

float BestSchedule::worth(int job) const {
  int const step = step_of_[at(job)];
  return step < 0 ? 0 : value(job, step) - price_[at(step)];
}

// Dijkstra over steps on reduced costs surplus + price − value ≥ 0, from the new job to a free step or to a job that
// does best to give its step up.
void BestSchedule::insert(int job) {
  for (int t = 0; t < steps_; ++t) surplus_[at(job)] = std::max(surplus_[at(job)], value(job, t) - price_[at(t)]);
  if (surplus_[at(job)] <= 0) return;
  std::ranges::fill(distance_, unreachable);
  std::ranges::fill(previous_, -1);
  std::ranges::fill(settled_, 0);
  visited_.clear();

  int current = job;
  int reached_by = -1;
  int free_step = -1;
  int giver = -1;  // who would go unserved
  float giver_distance = unreachable;
  float base = 0;
  float length = 0;
  for (;;) {
    float const offset = base + surplus_[at(current)];
    if (offset < giver_distance) {
      giver_distance = offset;
      giver = current;
    }
    int nearest = -1;
    float nearest_distance = unreachable;
    for (int t = 0; t < steps_; ++t) {
      if (settled_[at(t)] != 0) continue;
      float const d = offset + price_[at(t)] - value(current, t);
      if (d < distance_[at(t)]) {
        distance_[at(t)] = d;
        previous_[at(t)] = reached_by;
      }
      // Among equals a free step ends the search.
      bool const nearer = distance_[at(t)] < nearest_distance;
      bool const ends = distance_[at(t)] == nearest_distance && nearest >= 0 && job_of_[at(t)] < 0;
      if (nearer || ends) {
        nearest = t;
        nearest_distance = distance_[at(t)];
      }
    }
    if (nearest < 0 || giver_distance <= nearest_distance) {
      length = giver_distance;
      break;
    }
    if (job_of_[at(nearest)] < 0) {
      length = nearest_distance;
      free_step = nearest;
      break;
    }
    settled_[at(nearest)] = 1;
    visited_.push_back(nearest);
    base = nearest_distance;
    reached_by = nearest;
    current = job_of_[at(nearest)];
  }

  surplus_[at(job)] -= length;
  for (int t : visited_) {
    float const rise = std::max(0.0F, length - distance_[at(t)]);
    surplus_[at(job_of_[at(t)])] -= rise;
    price_[at(t)] += rise;
  }

  int step = free_step;
  if (step < 0) {
    if (giver == job) return;
    step = step_of_[at(giver)];
    step_of_[at(giver)] = -1;
  }
  for (;;) {
    int const before = previous_[at(step)];
    int const mover = before < 0 ? job : job_of_[at(before)];
    job_of_[at(step)] = mover;
    step_of_[at(mover)] = step;
    if (before < 0) return;
    step = before;
  }
}

// From zero upwards until no job would rather have another's step: the least fixed point. Paths of envy are simple, so
// no price is raised more than `steps` times over; the bound only guards against rounding.
void BestSchedule::lower_prices() {
  std::ranges::fill(price_, 0.0F);
  waiting_.assign(at(jobs_), 1);
  bool again = true;
  for (int sweep = 0; again && sweep <= steps_ + 1; ++sweep) {
    again = false;
    for (int job = 0; job < jobs_; ++job) {
      if (waiting_[at(job)] == 0) continue;
      waiting_[at(job)] = 0;
      float const content = worth(job);
      for (int t = 0; t < steps_; ++t) {
        float const bid = value(job, t) - content;
        if (bid <= price_[at(t)] + tolerance) continue;
        price_[at(t)] = bid;
        if (int const holder = job_of_[at(t)]; holder >= 0) {
          waiting_[at(holder)] = 1;
          again = true;
        }
      }
    }
  }
}

}  // namespace regulus::lab
