package bus_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/bus/bustest"
)

// TestTLS goes to the broker through a door that speaks TLS.
func TestTLS(t *testing.T) {
	plain, err := url.Parse(bustest.AMQP(t))
	if err != nil {
		t.Fatal(err)
	}
	cert, authority := certificate(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { listener.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", plain.Host)
			if err != nil {
				near.Close()
				continue
			}
			copyAll := func(to, from net.Conn) {
				io.Copy(to, from)
				to.Close()
				from.Close()
			}
			serving.Go(func() { copyAll(near, far) })
			serving.Go(func() { copyAll(far, near) })
		}
	})
	secure := *plain
	secure.Scheme, secure.Host = "amqps", listener.Addr().String()

	t.Run("trusts the given authority", func(t *testing.T) {
		u := secure
		q := u.Query()
		q.Set("cacertfile", authority)
		u.RawQuery = q.Encode()
		b := open(t, u.String())
		l := listen(t, b, 0)
		publish(b, room, 1)
		wait(t, "the event", func() bool { return l.has(room, 1) })
	})

	t.Run("trusts no other", func(t *testing.T) {
		b := open(t, secure.String())
		time.Sleep(200 * time.Millisecond) // for some tries
		if publisher, _ := b.Up(); publisher {
			t.Error("connected to whom nobody vouches for")
		}
	})
}

// certificate makes a certificate for 127.0.0.1 and a file with its authority.
func certificate(t *testing.T) (cert tls.Certificate, authority string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	authority = filepath.Join(t.TempDir(), "authority.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(authority, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, authority
}
