package ctl

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// serviceAccountFolder is where a pod finds who it is.
const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

// pod is this process as a pod of Kubernetes, which may ask the cluster's API
// (kubernetes.io/docs/tasks/run-application/access-api-from-pod). It asks one thing, so
// that the client library, which is larger than all of Chatire, is not worth its weight.
type pod struct {
	api       string // its address
	namespace string
	token     string
	account   serviceAccount
	http      *http.Client
}

// serviceAccount is the pod's service account, as its token names it.
type serviceAccount struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// newPod finds out who this pod is; folder is [serviceAccountFolder].
func newPod(folder string, environ map[string]string) (*pod, error) {
	host, port := environ["KUBERNETES_SERVICE_HOST"], environ["KUBERNETES_SERVICE_PORT"]
	token, err := os.ReadFile(filepath.Join(folder, "token"))
	if host == "" || err != nil {
		return nil, errors.New("this is no pod of Kubernetes with a service account: run it as one, or say --file")
	}
	authority, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("read the cluster's authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, errors.New("the cluster's authority is no certificate")
	}
	p := &pod{
		api:   "https://" + net.JoinHostPort(host, port),
		token: strings.TrimSpace(string(token)),
		http: &http.Client{
			Timeout:   30 * time.Second,
			Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
		},
	}
	return p, p.readToken()
}

// readToken reads from the token, which is a JWT of the cluster, what it says about us.
func (p *pod) readToken() error {
	parts := strings.Split(p.token, ".")
	if len(parts) != 3 {
		return errors.New("the service account's token is no JWT")
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return fmt.Errorf("read the service account's token: %w", err)
	}
	var said struct {
		Kubernetes struct {
			Namespace string         `json:"namespace"`
			Account   serviceAccount `json:"serviceaccount"`
		} `json:"kubernetes.io"`
	}
	if err := json.Unmarshal(claims, &said); err != nil {
		return fmt.Errorf("read the service account's token: %w", err)
	}
	p.namespace, p.account = said.Kubernetes.Namespace, said.Kubernetes.Account
	return nil
}

// createSecret creates a Secret in the pod's namespace that goes when the pod's service
// account goes. It returns false, and changes nothing, where there is one of this name.
func (p *pod) createSecret(ctx context.Context, name string, data map[string]string) (made bool, err error) {
	type owner struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		serviceAccount
	}
	body, err := json.Marshal(map[string]any{
		"apiVersion": "v1",
		"kind":       "Secret",
		"metadata":   map[string]any{"name": name, "ownerReferences": []owner{{"v1", "ServiceAccount", p.account}}},
		"type":       "Opaque",
		"stringData": data,
	})
	if err != nil {
		return false, err
	}
	address := p.api + "/api/v1/namespaces/" + p.namespace + "/secrets"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := p.http.Do(request)
	if err != nil {
		return false, fmt.Errorf("create the Secret %s: %w", name, err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusCreated:
		return true, nil
	case http.StatusConflict:
		return false, nil
	}
	var status struct {
		Message string `json:"message"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 64<<10)).Decode(&status); err != nil {
		return false, fmt.Errorf("create the Secret %s: %s", name, response.Status)
	}
	return false, fmt.Errorf("create the Secret %s: %s", name, status.Message)
}
