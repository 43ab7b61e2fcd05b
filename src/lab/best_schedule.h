// The best way to serve jobs one a step, and what each job adds to it.
//
// Job r served in step t is worth value(r, t) ≥ 0; a job need not be served. The best schedule is a matching of jobs
// to steps of greatest total value, found by successive shortest paths (Jonker and Volgenant 1987). What a job adds,
// total − total without it, is read for all jobs at once from the least prices of the steps at which everybody is
// content with what the matching gives him (Shapley and Shubik 1971; the jobs' best core allocation).
//
// Not thread-safe; its memory is reused from one schedule to the next.
#pragma once

#include <span>
#include <vector>

namespace regulus::lab {

class BestSchedule {
 public:
  // Room for the values of `jobs` × `steps`, row-major, to be filled by the caller.
  std::span<float> values(int jobs, int steps);
  // Solves for the values filled in.
  void solve();

  float total() const { return total_; }
  // total − total without this job; 0 for a job that is not served.
  float worth(int job) const;
  bool is_served(int job) const { return step_of_[static_cast<std::size_t>(job)] >= 0; }

 private:
  float value(int job, int step) const {
    return values_[static_cast<std::size_t>(job) * static_cast<std::size_t>(steps_) + static_cast<std::size_t>(step)];
  }
  void insert(int job);
  void lower_prices();

  int jobs_ = 0, steps_ = 0;
  float total_ = 0;
  std::vector<float> values_;
  std::vector<float> surplus_;  // of jobs: value − price of the step given, the dual of insert()
  std::vector<float> price_;    // of steps
  std::vector<int> step_of_;    // of jobs, −1 for none
  std::vector<int> job_of_;     // of steps, −1 for none

  // Of one search for a path.
  std::vector<float> distance_;
  std::vector<int> previous_, visited_;
  std::vector<char> settled_, waiting_;
};

}  // namespace regulus::lab
