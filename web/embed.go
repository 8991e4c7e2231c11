// Package web carries the web app in the binary. The app is built by Vite into the
// folder dist, as [make web] does; in a binary that was built without it the folder
// is as good as empty.
//
// [make web]: https://github.com/chatire/chatire/blob/main/Makefile
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files returns the built app: index.html, and what it loads. There is no index.html
// in it if the app was not built.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name of the folder is a valid path
	}
	return files
}
