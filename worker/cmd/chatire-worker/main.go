// Command chatire-worker brings Events from the bus to websockets.
package main

import (
	"os"

	"github.com/chatire/chatire/pkg/boot"
	"github.com/chatire/chatire/worker"
)

func main() {
	os.Exit(boot.Main("chatire-worker", boot.Addresses{Public: ":8001", Ops: ":9001"}, worker.New))
}
