package ctl

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
)

// resolveAll returns each address once for each IP address that the name in it has, in
// the order of those.
func resolveAll(ctx context.Context, addresses []string) ([]string, error) {
	var all []string
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err != nil {
			return nil, usageError{err}
		}
		hosts, err := net.DefaultResolver.LookupHost(ctx, u.Hostname())
		if err != nil {
			return nil, fmt.Errorf("resolve %s: %w", address, err)
		}
		slices.Sort(hosts)
		for _, host := range hosts {
			resolved := *u
			resolved.Host = host
			if port := u.Port(); port != "" {
				resolved.Host = net.JoinHostPort(host, port)
			}
			all = append(all, resolved.String())
		}
	}
	return all, nil
}
