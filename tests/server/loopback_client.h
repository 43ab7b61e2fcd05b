// A client on the loopback interface that sends any bytes at any pace and reads what comes back, byte by byte if need
// be.
//
// Every wait is for a condition and ends after ten seconds, which no passing test reaches.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/check.h"

namespace regulus::server {

constexpr int patience_ms = 10'000;

class Client {
 public:
  // Connects at once, or with `connect` later.
  explicit Client(std::uint16_t port) : Client() { connect(port); }
  Client() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) { REGULUS_CHECK(socket_ >= 0); }
  Client(Client&& other) noexcept : socket_(std::exchange(other.socket_, -1)), pending_(std::move(other.pending_)) {}
  Client(Client const&) = delete;
  Client& operator=(Client const&) = delete;
  ~Client() {
    if (socket_ >= 0) ::close(socket_);
  }

  void connect(std::uint16_t port) const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REGULUS_CHECK(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  // Before connecting: how much the system keeps for us when we do not read.
  void receive_at_most(int bytes) const {
    REGULUS_CHECK(::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) == 0);
  }

  // False when the other side has gone.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      ssize_t const sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Whether something can be read (the end, too) within a time.
  bool has_news(int within_ms = patience_ms) const {
    if (!pending_.empty()) return true;
    pollfd news{socket_, POLLIN, 0};
    return ::poll(&news, 1, within_ms) > 0;
  }

  // Everything up to and with `end`; what there was if the connection ended before.
  std::string read_until(std::string_view end) {
    std::size_t found;
    while ((found = pending_.find(end)) == std::string::npos) {
      if (!read_some()) return std::exchange(pending_, {});
    }
    std::string text = pending_.substr(0, found + end.size());
    pending_.erase(0, text.size());
    return text;
  }
  std::string read_exactly(std::size_t size) {
    while (pending_.size() < size && read_some()) {
    }
    std::string text = pending_.substr(0, size);
    pending_.erase(0, text.size());
    return text;
  }
  // Everything until the other side closes.
  std::string read_all() {
    while (read_some()) {
    }
    return std::exchange(pending_, {});
  }

  struct Answer {
    int status = 0;  // 0: the connection ended before a whole head
    std::string head;
    std::string body;
    std::string header(std::string_view name) const {
      std::size_t const at = head.find("\r\n" + std::string(name) + ": ");
      if (at == std::string::npos) return "";
      std::size_t const start = at + name.size() + 4;
      return head.substr(start, head.find("\r\n", start) - start);
    }
  };
  Answer read_answer(bool has_body = true) {
    Answer answer;
    answer.head = read_until("\r\n\r\n");
    if (!answer.head.ends_with("\r\n\r\n")) return answer;
    answer.status = std::stoi(answer.head.substr(9, 3));
    std::string const length = answer.header("Content-Length");
    if (has_body && !length.empty()) answer.body = read_exactly(std::stoul(length));
    return answer;
  }
  // Whether the other side closes before it says anything more.
  bool is_closed() { return pending_.empty() && !read_some(); }

 private:
  bool read_some() {
    pollfd news{socket_, POLLIN, 0};
    REGULUS_CHECK(::poll(&news, 1, patience_ms) > 0);
    char bytes[16384];
    ssize_t const got = ::recv(socket_, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    pending_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  int socket_;
  std::string pending_;
};

}  // namespace regulus::server
