// Command chatirectl runs and administers Chatire.
package main

import (
	"os"

	"github.com/chatire/chatire/ctl"
)

func main() { os.Exit(ctl.Main()) }
