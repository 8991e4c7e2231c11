package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Read reads all histories of a folder. Besides the lines it returns what is wrong
// with the files: such a history proves nothing, and [Options] takes it as Damaged.
func Read(folder string) (lines []Line, damaged []string, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	if err != nil {
		return nil, nil, fmt.Errorf("find histories: %w", err)
	}
	for _, file := range files {
		found, complaint, err := readFile(file)
		if err != nil {
			return nil, nil, fmt.Errorf("read history: %w", err)
		}
		lines = append(lines, found...)
		if complaint != "" {
			damaged = append(damaged, complaint)
		}
		if len(found) == 0 || found[len(found)-1].Kind != End {
			damaged = append(damaged, fmt.Sprintf("%s has no last line: whoever wrote it died", file))
		}
	}
	return lines, damaged, nil
}

// readFile reads one file, up to where it is damaged.
func readFile(name string) (lines []Line, complaint string, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<20)
	for {
		text, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, "", err
		}
		if len(text) == 0 {
			break
		}
		var l Line
		if json.Unmarshal(text, &l) != nil {
			return lines, fmt.Sprintf("%s: line %d cannot be read", name, len(lines)), nil
		}
		if l.Number != len(lines) {
			return lines, fmt.Sprintf("%s: line %d has the number %d", name, len(lines), l.Number), nil
		}
		lines = append(lines, l)
	}
	return lines, "", nil
}
