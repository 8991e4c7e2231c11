package ctl_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/store/storetest"
)

// shells complete a line as the person does who presses the tab key. $LINE is the line;
// they print what may come. What zsh shows on its terminal is waited for, until $LAST is
// there or it has had its time.
var shells = map[string]string{
	"bash": `source /usr/share/bash-completion/bash_completion
source <(chatirectl completion bash)
COMP_LINE=$LINE COMP_POINT=${#LINE}
read -ra COMP_WORDS <<<"$LINE"
case $LINE in *" ") COMP_WORDS+=("");; esac
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
COMP_TYPE=9
compopt() { :; }
__start_chatirectl
printf '%s\n' "${COMPREPLY[@]}"`,
	"fish": `chatirectl completion fish | source
complete -C "$LINE"`,
	"zsh": `zmodload zsh/zpty
zpty tab zsh -f -i
zpty -w tab 'PS1=; autoload -Uz compinit; compinit -u -d $HOME/dump; source <(chatirectl completion zsh); zstyle ":completion:*" list-prompt ""; LISTMAX=10000; print ready'
zpty -r tab line '*ready*ready*'
zpty -w -n tab "$LINE"$'\t\t'
for i in {1..200}; do
  while zpty -r -t tab part; do out+=$part; done
  [[ $out == *$LAST* ]] && break
  sleep 0.1
done
print -rn -- "$out"
zpty -d tab`,
}

// TestCompletion completes commands, flags and the names that there are now, in each
// shell.
func TestCompletion(t *testing.T) {
	database := storetest.SQLite(t)
	for _, name := range []string{"adalovelace", "gracehopper"} {
		if _, errOut, exit := chatirectl(t, database, "user", "create", name, "--local", "--generate"); exit != 0 {
			t.Fatal(errOut)
		}
	}
	tests := []struct {
		line string
		want []string
	}{
		{"chatirectl user dis", []string{"disable"}},
		{"chatirectl session ", []string{"transfer", "members", "export"}},
		{"chatirectl user get --local ", []string{"adalovelace", "gracehopper"}},
		{"chatirectl user list --local --output j", []string{"json", "jsonl"}},
		{"chatirectl explain 441", []string{"4410"}},
	}
	for shell, script := range shells {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Fatalf("install %s: make test does so as root on Debian or Ubuntu", shell)
			}
			for _, test := range tests {
				out := complete(t, shell, script, test.line, test.want[len(test.want)-1], string(database))
				for _, want := range test.want {
					if !strings.Contains(out, want) {
						t.Errorf("%q is completed without %s:\n%q", test.line, want, out)
					}
				}
			}
		})
	}
}

func complete(t *testing.T, shell, script, line, last, database string) string {
	t.Helper()
	folder, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, "-c", script)
	if shell == "fish" {
		cmd.Args = []string{"fish", "--no-config", "-c", script}
	}
	cmd.Dir = t.TempDir()
	cmd.Env = []string{
		"HOME=" + t.TempDir(),
		"PATH=" + folder + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"LINE=" + line,
		"LAST=" + last,
		"TERM=dumb",
		"CHATIRE_DATABASE_URL=" + database,
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}
