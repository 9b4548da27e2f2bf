// Package needs says whether this machine can run what was asked for and, where it cannot, exactly what
// is missing and how to get it.
package needs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// CNI is where Debian's containernetworking-plugins lie.
const CNI = "/usr/lib/cni"

// A tool is a program that the machine must have and the Debian package that brings it.
type tool struct {
	program string // a name to be found in PATH, or an absolute path that may hold a pattern
	pack    string
}

var (
	nodeTools = []tool{
		{"ip", "iproute2"}, {"runc", "runc"}, {"nft", "nftables"}, {"iptables", "iptables"}, {"conntrack", "conntrack"},
		{"ethtool", "ethtool"}, {"socat", "socat"}, {"mount", "mount"},
		{CNI + "/ptp", "containernetworking-plugins"}, {CNI + "/portmap", "containernetworking-plugins"},
		{CNI + "/host-local", "containernetworking-plugins"}, {CNI + "/loopback", "containernetworking-plugins"},
	}
	postgresTools = []tool{{"/usr/lib/postgresql/*/bin/postgres", "postgresql"}, {"psql", "postgresql"}}
)

// Path is what programs are looked for in: callers' PATH may lack the sbin folders.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Machine is what the checks look at; Here is the real one.
type Machine struct {
	OS   string
	UID  int
	Find func(program string) (string, bool)
}

// Here is the machine that the command runs on.
func Here() Machine {
	return Machine{OS: runtime.GOOS, UID: os.Getuid(), Find: find}
}

func find(program string) (string, bool) {
	if filepath.IsAbs(program) {
		found, _ := filepath.Glob(program)
		if len(found) == 0 {
			return "", false
		}
		return found[len(found)-1], true
	}
	for _, dir := range filepath.SplitList(Path) {
		file := filepath.Join(dir, program)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, true
		}
	}
	return "", false
}

// Node checks that a cluster can run here.
func Node(m Machine, postgres bool) error {
	var missing []string
	switch {
	case m.OS != "linux":
		missing = append(missing, "Linux (this is "+m.OS+")")
	case m.UID != 0:
		missing = append(missing, "root, for namespaces, mounts and control groups (run it with sudo -E)")
	}
	tools := nodeTools
	if postgres {
		tools = slices.Concat(nodeTools, postgresTools)
	}
	return report("a cluster", m, missing, tools)
}

// Postgres checks that a PostgreSQL server can run here. Any user may run one.
func Postgres(m Machine) error {
	var missing []string
	if m.OS != "linux" {
		missing = append(missing, "Linux (this is "+m.OS+")")
	}
	return report("PostgreSQL", m, missing, postgresTools)
}

// Built checks that the programs can be built here at all; Go is missed when something must be built.
func Built(m Machine) error {
	if m.OS == "linux" {
		return nil
	}
	return report("the cluster's programs", m, []string{"Linux (this is " + m.OS + ")"}, nil)
}

func report(what string, m Machine, missing []string, tools []tool) error {
	var packs []string
	if m.OS == "linux" {
		packs = missingPacks(m, tools)
	}
	if len(packs) > 0 {
		missing = append(missing, "the Debian packages "+strings.Join(packs, " "))
	}
	if len(missing) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s cannot run here: this machine lacks\n", what)
	for _, one := range missing {
		fmt.Fprintf(&b, "  - %s\n", one)
	}
	if len(packs) > 0 {
		fmt.Fprintf(&b, "get them with\n  apt-get install --no-install-recommends %s\nor with `deps --install`, which also keeps Debian's own PostgreSQL service from starting.\n", strings.Join(packs, " "))
	}
	b.WriteString("`make dev` runs Loket without any of this: no cluster, no root, no PostgreSQL.")
	return errors.New(b.String())
}

func missingPacks(m Machine, tools []tool) []string {
	var packs []string
	for _, t := range tools {
		if _, ok := m.Find(t.program); !ok && !slices.Contains(packs, t.pack) {
			packs = append(packs, t.pack)
		}
	}
	return packs
}

// Missing are the Debian packages for everything the command can do, as far as they are not there.
func Missing(m Machine) []string { return missingPacks(m, slices.Concat(nodeTools, postgresTools)) }

// noMain keeps Debian's maintainer script from making and starting a cluster called main on port 5432.
// It is removed again after the installation: a later PostgreSQL of the machine's owner is not our matter.
const noMain = "/etc/postgresql-common/createcluster.d/loket.conf"

// Install gets the packages with apt-get.
func Install(ctx context.Context, packs []string, out io.Writer) error {
	if len(packs) == 0 {
		return nil
	}
	if os.Getuid() != 0 {
		return errors.New("packages are installed by root: run `deps --install` with sudo")
	}
	if slices.Contains(packs, "postgresql") {
		if err := os.MkdirAll(filepath.Dir(noMain), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(noMain, []byte("create_main_cluster = false\n"), 0o644); err != nil {
			return err
		}
		defer func() { _ = os.Remove(noMain) }()
	}
	for _, args := range [][]string{
		{"update", "-qq"},
		append([]string{"install", "-y", "-qq", "--no-install-recommends"}, packs...),
	} {
		// Another apt may be at work, as on a machine that has just booted.
		cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-o", "DPkg::Lock::Timeout=300"}, args...)...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("apt-get %s: %w", strings.Join(args, " "), err)
		}
	}
	return nil
}
