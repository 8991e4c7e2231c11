// Command chatire-api serves accounts, tokens, sessions and messages over HTTP.
package main

import (
	"os"

	"github.com/chatire/chatire/api"
	"github.com/chatire/chatire/pkg/boot"
)

func main() {
	os.Exit(boot.Main("chatire-api", boot.Addresses{Public: ":8000", Ops: ":9000"}, api.New))
}
