// SPDX-License-Identifier: Apache-2.0
#include "core/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/output_file.h"
#include "core/tell.h"

namespace rw {

FolderLock::FolderLock(const std::string& folder) : path_(folder + "/.lock") {
  for (;;) {
    file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file_ < 0) fail_to_write(path_, errno);
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
      const int why = errno;
      if (why == EWOULDBLOCK) {
        ::close(file_);
        throw Error(folder, "a folder for this run alone", "one that is in use by another run",
                    "stop that one or wait for its end, or name another folder");
      }
      tell("{} cannot be locked ({}): nothing keeps a second run out of the folder\n", printable(path_),
           std::strerror(why));
      return;
    }
    // One that held it may have taken the file away between the two calls: then this is another file.
    struct stat held {};
    if (::fstat(file_, &held) == 0 && held.st_nlink > 0) return;
    ::close(file_);
  }
}

FolderLock::~FolderLock() {
  ::unlink(path_.c_str());  // while it is held: nobody else's
  ::close(file_);
}

}  // namespace rw
