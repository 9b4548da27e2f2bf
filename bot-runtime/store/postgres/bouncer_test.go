package postgres

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bouncer starts pgbouncer in transaction mode before the server of uri, and returns the URI through it.
func bouncer(t *testing.T, uri string) string {
	t.Helper()
	program := "/usr/sbin/pgbouncer"
	if _, err := os.Stat(program); err != nil {
		t.Fatal("this test needs a real pgbouncer: apt-get install -y pgbouncer")
	}
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	dir, err := os.MkdirTemp("", "loket-pgbouncer-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	password, _ := u.User.Password()
	ini := fmt.Sprintf("[databases]\n* = host=%s port=%s user=%s password=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\n"+
		"unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 5\nlogfile = %s/log\n",
		u.Hostname(), u.Port(), u.User.Username(), password, port, dir)
	path := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(path, []byte(ini), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-q", path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 { // it refuses to be root
		owner, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(owner.Uid)
		gid, _ := strconv.Atoi(owner.Gid)
		for _, p := range []string{dir, path} {
			if err := os.Chown(p, uid, gid); err != nil {
				t.Fatal(err)
			}
		}
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	deadline := time.After(20 * time.Second)
	for {
		c, err := net.Dial("tcp", u.Host)
		if err == nil {
			c.Close()
			return u.String()
		}
		select {
		case <-deadline:
			said, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("pgbouncer did not start: %v\n%s", err, said)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestPodsBehindPgbouncerMigrateAndTalk(t *testing.T) {
	direct := unmigrated(t)
	uri := bouncer(t, direct)
	pods := []*Store{connect(t, uri), connect(t, uri)}
	var wg sync.WaitGroup
	for _, p := range pods {
		wg.Go(func() {
			if err := p.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for i := range 5 {
		talk(t, pods[i%2], pods[(i+1)%2], strconv.Itoa(i))
	}
	if got, err := pods[0].Janitor(t.Context(), time.Hour); err != nil || got.RepairedLanes != 0 {
		t.Fatalf("%+v %v", got, err)
	}
}
