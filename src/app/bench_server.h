// A server as a process of its own, with companies, drivers, tokens and a model to load it with; for the benchmarks.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "travel/http_client.h"

namespace regulus::app {

class BenchServer {
 public:
  // Empties the folder and starts `regulus serve` with its database in it. Errors: io, a process that does not answer.
  static Result<std::unique_ptr<BenchServer>> start(std::filesystem::path folder,
                                                    std::vector<std::string> const& flags = {});
  BenchServer(BenchServer const&) = delete;
  BenchServer& operator=(BenchServer const&) = delete;
  // Asks it to end, waits for that, and removes the folder.
  ~BenchServer();

  std::string const& url() const { return url_; }
  std::uint16_t port() const { return port_; }
  std::string const& token() const { return token_; }  // for everything
  std::filesystem::path const& model() const { return model_; }
  double cold_start_ms() const { return cold_start_ms_; }  // from the start of the process to its first answer

  // A connection with the token; each thread needs one of its own.
  Result<travel::HttpClient> client() const;
  // Companies that are tests and decide only when asked, with eight drivers each.
  Status add_companies(int count);

  // What the process has used so far.
  struct Usage {
    double cpu_s = 0;
    double rss_mb = 0, most_rss_mb = 0;
    int files = 0;
  };
  Usage usage() const;

 private:
  explicit BenchServer(std::filesystem::path folder) : folder_(std::move(folder)) {}
  Status run(std::vector<std::string> const& flags);
  Status make_token();
  Status make_model();

  std::filesystem::path folder_, model_;
  pid_t process_ = -1;
  std::uint16_t port_ = 0;
  std::string url_, token_;
  double cold_start_ms_ = 0;
};

// What the machine's processors have done so far, in seconds (proc(5), /proc/stat; 0 where there is none). A virtual
// machine's times are worth as much as the time that its host leaves it.
struct ProcessorTime {
  double idle_s = 0, stolen_s = 0, all_s = 0;
};
ProcessorTime processor_time();

// What --check says at the end: ok when no limit was missed, otherwise an error that names each (exit code 1).
Status none_missed(std::vector<std::string> const& missed);

// A booking of the year 2027: the k-th, spread over its days so that none grows without bound.
Json bench_booking(int k);

}  // namespace regulus::app
