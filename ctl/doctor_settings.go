package ctl

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/chatire/chatire/pkg/config"
)

// lookAtSettings looks at what the servers would be started with.
func (e *examination) lookAtSettings() {
	c := e.config
	secret := string(c.Secret)
	e.note(len(secret) >= config.MinSecret && !isMonotonous(secret), failing, "secret", "4",
		fmt.Sprintf("%d characters", len(secret)),
		"Make another CHATIRE_SECRET, the same for every process: openssl rand -hex 32. With a known one anybody at the broker can forge events.")
	e.note(!c.RateLimit.Off, failing, "limits", "5", "CHATIRE_RATE_LIMIT="+c.RateLimit.String(),
		"Set CHATIRE_RATE_LIMIT to on, or to figures: without limits one client can take what all others need.")
	e.note(!c.Insecure()["cors_any"], failing, "origins", "4", "CHATIRE_CORS_ORIGINS="+strings.Join(c.CORSOrigins, ","),
		"List the origins of your pages in CHATIRE_CORS_ORIGINS instead of *.")
	e.note(c.PublicURL != "", advice, "public address", "4", "CHATIRE_PUBLIC_URL="+c.PublicURL,
		"Set CHATIRE_PUBLIC_URL, so that only pages of it may open websockets and mails have the right links.")
	if c.PublicURL != "" {
		e.note(strings.HasPrefix(c.PublicURL, "https://") || isLocal(c.PublicURL), failing, "encryption", "4", c.PublicURL,
			"Serve it by https:// only: tokens are readable on the way otherwise.")
	}
	e.lookAtFiles()
	e.lookAtContexts()
	e.lookAtDescriptors()
}

// lookAtContexts sees that nobody else can read the tokens of who runs this.
func (e *examination) lookAtContexts() {
	path, err := contextsFile(e.environ)
	if err != nil {
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		return // there are none
	}
	mode := info.Mode().Perm()
	e.note(mode&0o077 == 0, failing, "mode of your contexts", "4", fmt.Sprintf("%04o", mode),
		"Have others not read the file, which has tokens of administrators: chmod 600 "+path)
}

// isMonotonous says that a secret is no secret: a few characters again and again.
func isMonotonous(secret string) bool {
	seen := map[rune]bool{}
	for _, r := range secret {
		seen[r] = true
	}
	return len(seen) < 8
}

func isLocal(address string) bool {
	return strings.Contains(address, "://127.0.0.1") || strings.Contains(address, "://localhost") || strings.Contains(address, "://[::1]")
}

// lookAtFiles sees that nobody else can read the files that hold secrets.
func (e *examination) lookAtFiles() {
	for name, path := range e.environ {
		if !strings.HasPrefix(name, "CHATIRE_") || !strings.HasSuffix(name, "_FILE") {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			continue // reading the settings has complained already
		}
		mode := info.Mode().Perm()
		e.note(mode&0o007 == 0, failing, "mode of "+name, "4", fmt.Sprintf("%04o", mode),
			"Have others not read the file: chmod o= "+path)
	}
}

// lookAtDescriptors compares the limit here, which is that of servers started here.
func (e *examination) lookAtDescriptors() {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return
	}
	e.note(files.Cur >= uint64(e.config.Connections), advice, "open files here", "5", fmt.Sprint(files.Cur),
		fmt.Sprintf("A worker here takes fewer than the %d connections of CHATIRE_MAX_CONNECTIONS: raise the limit (ulimit -n, LimitNOFILE), or lower the setting.", e.config.Connections))
}
