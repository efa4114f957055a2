package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"congthu/filter/policy"
)

// likeFolder gives files that root made to the owner of the folder that they are in, or the gate, which is not root,
// could not open what a command left. Whoever is not root, or may not give files away, leaves them as they are. A link,
// a file with a second name and a file that another already owns stay as they are: the folder's owner may have put
// them there.
func likeFolder(paths ...string) {
	if os.Geteuid() != 0 {
		return
	}
	for _, path := range paths {
		var folder, file unix.Stat_t
		if unix.Stat(filepath.Dir(path), &folder) != nil || folder.Uid == 0 {
			continue
		}
		// O_PATH: closing any other descriptor would drop the locks that SQLite has on the file in this process.
		fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		if unix.Fstat(fd, &file) == nil && file.Mode&unix.S_IFMT == unix.S_IFREG && file.Nlink == 1 && file.Uid == 0 {
			// An error leaves a file that root alone can open, which the gate tells at its start.
			unix.Fchownat(fd, "", int(folder.Uid), int(folder.Gid), unix.AT_EMPTY_PATH)
		}
		unix.Close(fd)
	}
}

// database lists the files that a database consists of, with those that processes lock.
func database(path string) (paths []string) {
	for _, end := range []string{"", "-wal", "-shm", ".lock", ".migrate"} {
		paths = append(paths, path+end)
	}
	return paths
}

// inside lists what is in a folder; nothing when that cannot be listed.
func inside(dir string) (paths []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	return paths
}

// accessible gives an error of opening what the gate keeps in a folder its way out: the gate did not start yet, or the
// folder is another user's.
func accessible(err error, conf *policy.Config, folder string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, serr := os.Stat(folder); !errors.Is(serr, fs.ErrNotExist) {
			return err
		}
		if makes(conf, folder) { // made here, it would belong to whoever types
			return fmt.Errorf("%w: the gate makes the folder when it starts for the first time", err)
		}
		return fmt.Errorf("%w: make the folder %s for the user that the gate runs as", err, folder)
	case errors.Is(err, fs.ErrPermission):
		if owner, name := ownerOf(folder); name != "" {
			return fmt.Errorf("%w: it belongs to %s: runuser -u %s -- congthu …", err, name, name)
		} else if owner != os.Geteuid() {
			return fmt.Errorf("%w: it belongs to the user with the number %d", err, owner)
		}
	}
	return err
}

// makes tells whether the gate makes a folder when it starts: that of the evidence, with those that it is in.
func makes(conf *policy.Config, folder string) bool {
	rel, err := filepath.Rel(folder, conf.Evidence.Dir)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// ownerOf is who owns a folder, or the nearest one above it that can be seen, with the name when it is another user's who
// has one.
func ownerOf(folder string) (uid int, name string) {
	info, err := os.Stat(folder)
	for err != nil && folder != filepath.Dir(folder) {
		folder = filepath.Dir(folder)
		info, err = os.Stat(folder)
	}
	if err != nil {
		return os.Geteuid(), ""
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() {
		return os.Geteuid(), ""
	}
	if u, err := user.LookupId(strconv.FormatUint(uint64(st.Uid), 10)); err == nil {
		name = u.Username
	}
	return int(st.Uid), name
}
