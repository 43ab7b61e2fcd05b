#include "app/travel_flags.h"

#include <fmt/format.h>

#include "core/files.h"
#include "travel/fit.h"

namespace regulus::app {

void TravelFlags::declare(Flags& flags) {
  std::string known;
  for (travel::ProviderEntry const& entry : travel::providers())
    known += fmt::format("{}{}: {}", known.empty() ? "" : " ", entry.name, entry.summary);
  constexpr char const* group = "travel times";
  flags.add("--travel", provider_, "Where travel times come from. " + known)
      ->one_of(travel::provider_names())
      ->shows_default()
      ->in_group(group);
  flags.add("--travel-url", url_, "Address of the road server: http://HOST:PORT")->in_group(group);
  flags.add("--travel-profile", profile_, "Profile of the road server [driving for osrm, auto for valhalla]")
      ->in_group(group);
  flags.add("--travel-file", file_, "Recording of travel times")->in_group(group);
  flags.add("--travel-patience", patience_, "Seconds after which missing cells are estimated")
      ->between(0.0, 86'400.0)
      ->shows_default()
      ->in_group(group);
  flags.add("--speeds", speeds_, "Profile of speeds for straight lines, as `regulus travel fit` writes it")
      ->in_group(group);
}

Result<travel::TravelOptions> TravelFlags::options() const {
  bool const server = provider_ == "osrm" || provider_ == "valhalla";
  if (server && url_.empty()) return invalid(fmt::format("--travel {} needs --travel-url http://HOST:PORT", provider_));
  if (!server && !url_.empty())
    return invalid(fmt::format("--travel-url does not go with --travel {}; name osrm or valhalla", provider_));
  if (!server && !profile_.empty())
    return invalid(fmt::format("--travel-profile does not go with --travel {}; name osrm or valhalla", provider_));
  bool const recorded = provider_ == "recorded";
  if (recorded == file_.empty()) {
    return invalid(recorded ? std::string("--travel recorded needs --travel-file FILE")
                            : fmt::format("--travel-file does not go with --travel {}; name recorded", provider_));
  }
  travel::TravelOptions options;
  options.provider = provider_;
  options.url = url_;
  options.profile = profile_;
  options.patience = std::chrono::milliseconds(static_cast<std::int64_t>(patience_ * 1000));
  if (recorded) {
    Result<std::string> text = read_file(file_);
    if (!text) return text.error();
    options.recording = text.take();
  }
  if (!speeds_.empty()) {
    Result<std::string> const text = read_file(speeds_);
    if (!text) return text.error();
    Result<SpeedProfile> const speeds = travel::parse_speeds(*text);
    if (!speeds) return speeds.error().in(speeds_);
    options.speeds = *speeds;
  }
  return options;
}

std::string describe(travel::TableReport const& report) {
  if (report.answered + report.from_cache + report.estimated == 0) return {};
  std::string text = fmt::format("travel times: {} cells answered, {} estimated from straight lines, {} without a road",
                                 report.answered + report.from_cache, report.estimated, report.unreachable);
  if (!report.off_road.empty())
    text += fmt::format("; no road near place{} {}", report.off_road.size() > 1 ? "s" : "",
                        fmt::join(report.off_road, ", "));
  if (!report.last_error.empty()) text += fmt::format("; {}", report.last_error);
  return text;
}

}  // namespace regulus::app
