// From stored studies, metrics and comparisons to the page that a person reads.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/json.h"
#include "lab/html_report.h"

namespace regulus::lab {

// Adds a study from its store: history, curves, importances, slices, optimism and budget.
Status add_study(Report& report, std::string const& storage, std::string const& name);

// Adds the learning curves and figures of training runs; runs of equal configuration share a band. `path` is a metrics
// file or a folder with metrics_*.json in it.
Status add_runs(Report& report, std::filesystem::path const& path);

// Adds a comparison that `compare` wrote.
Status add_comparison(Report& report, std::filesystem::path const& path);

}  // namespace regulus::lab
