// OSRM's table service, as every version since 5.20 answers it: GET, coordinates in the path.
#include <fmt/format.h>

#include <iterator>

#include "travel/http_client.h"
#include "travel/road_server.h"

namespace regulus::travel {

Result<std::unique_ptr<Provider>> make_osrm_provider(ProviderSettings const& settings);

namespace {

// A place farther from every road than this is a wrong coordinate, not an address. Without it OSRM takes the nearest
// road, however far.
constexpr int snap_metres = 5'000;

class Osrm final : public Provider {
 public:
  Osrm(HttpClient client, std::string profile) : client_(std::move(client)), profile_(std::move(profile)) {}

  Result<Cells> cells(Rectangle const& asked, Deadline deadline) override {
    return ask_in_parts(asked, [&](Rectangle const& part) -> Result<TableAnswer> {
      Result<HttpAnswer> const answer = client_.get(target(part), deadline);
      if (!answer) return answer.error();
      Result<TableAnswer> table = osrm_table(*answer, {part.sources.size(), part.targets.size()});
      if (table && table->kind == TableAnswer::Kind::cells) data_version_ = table->data_version;
      return table;
    });
  }
  std::string data_version() const override { return data_version_; }
  // osrm-routed's default limit is the square of 100.
  std::size_t largest_side() const override { return 100; }

 private:
  std::string target(Rectangle const& part) const {
    std::string path = fmt::format("/table/v1/{}/", profile_);
    auto const to = std::back_inserter(path);
    std::size_t const sources = part.sources.size(), all = sources + part.targets.size();
    auto const list = [&](std::size_t from, std::size_t until, auto&& write) {
      for (std::size_t i = from; i < until; ++i) {
        if (i > from) path += ';';
        write(i);
      }
    };
    list(0, all, [&](std::size_t i) {
      Point const& place = i < sources ? part.sources[i] : part.targets[i - sources];
      fmt::format_to(to, "{:.6f},{:.6f}", place.longitude, place.latitude);
    });
    path += "?sources=";
    list(0, sources, [&](std::size_t i) { fmt::format_to(to, "{}", i); });
    path += "&destinations=";
    list(sources, all, [&](std::size_t i) { fmt::format_to(to, "{}", i); });
    path += "&radiuses=";
    list(0, all, [&](std::size_t) { fmt::format_to(to, "{}", snap_metres); });
    return path + "&annotations=duration,distance&generate_hints=false";
  }

  HttpClient client_;
  std::string profile_;
  std::string data_version_;
};

}  // namespace

Result<std::unique_ptr<Provider>> make_osrm_provider(ProviderSettings const& settings) {
  if (settings.url.empty()) return invalid("travel times of OSRM need its address: --travel-url http://HOST:PORT");
  Result<std::string> profile = checked_profile(settings.profile, "driving");
  if (!profile) return profile.error();
  Result<HttpClient> client = HttpClient::open(settings.url);
  if (!client) return client.error();
  return std::unique_ptr<Provider>(std::make_unique<Osrm>(client.take(), profile.take()));
}

}  // namespace regulus::travel
