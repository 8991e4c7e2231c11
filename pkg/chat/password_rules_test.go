package chat

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestRulesOfTheOriginal compares our rules with answers that Django's validators
// gave to the inputs in testdata/rules.jsonl.
func TestRulesOfTheOriginal(t *testing.T) {
	file, err := os.Open("testdata/rules.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	seen := 0
	for lines := bufio.NewScanner(file); lines.Scan(); seen++ {
		var c struct {
			Rule, Username, Email, Input string
			FirstName                    string `json:"first_name"`
			LastName                     string `json:"last_name"`
			Complaints                   []string
			Right                        bool
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		switch c.Rule {
		case "password":
			u := User{Username: c.Username, Email: c.Email, FirstName: c.FirstName, LastName: c.LastName}
			if got := weaknesses(Secret(c.Input), u); !slices.Equal(got, c.Complaints) {
				t.Errorf("password %q of %+v:\n got %q\nwant %q", c.Input, u, got, c.Complaints)
			}
		case "username":
			if got := usernamePattern.MatchString(c.Input); got != c.Right {
				t.Errorf("username %q: right is %v, want %v", c.Input, got, c.Right)
			}
		case "email":
			if got := isEmail(c.Input); got != c.Right {
				t.Errorf("email %q: right is %v, want %v", c.Input, got, c.Right)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d cases were read", seen)
	}
}

func TestCleanUsername(t *testing.T) {
	tests := []struct {
		name, in, want string
		complaints     int
	}{
		{"keeps letters of all scripts", "Žofie_дом", "Žofie_дом", 0},
		{"normalises", "ａda", "ada", 0},
		{"refuses a letter that becomes words", "ﷺ", "صلى الله عليه وسلم", 1},
		{"takes 150 characters", strings.Repeat("u", 150), strings.Repeat("u", 150), 0},
		{"refuses 151", strings.Repeat("u", 151), strings.Repeat("u", 151), 1},
		{"refuses what grows beyond 150", strings.Repeat("ﬃ", 51), strings.Repeat("ffi", 51), 1},
		{"says both", strings.Repeat(" ", 151), strings.Repeat(" ", 151), 2},
		{"refuses bad UTF-8", "a\xff", "a\xff", 1},
		{"refuses a line break at the end", "ada\n", "ada\n", 1},
		{"refuses NUL", "a\x00", "a\x00", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, complaints := cleanUsername(tt.in)
			if got != tt.want || len(complaints) != tt.complaints {
				t.Errorf("got %q and %q", got, complaints)
			}
		})
	}
}

func TestDigests(t *testing.T) {
	d := newArgonDigest()
	d.key = d.derive("correct-horse-9", keyBytes)
	read, err := readDigest(d.text())
	if err != nil {
		t.Fatal(err)
	}
	if !read.matches("correct-horse-9") || read.matches("correct-horse-8") || !read.current() {
		t.Error("a digest that was written and read does not behave")
	}
	for _, bad := range []Secret{
		"", "!", "md5$a$b", "$argon2id$v=19$m=19456,t=2,p=1$AAAA", "$argon2i$v=19$m=8,t=1,p=1$AAAA$AAAA",
		"$argon2id$v=19$m=99999999,t=2,p=1$AAAA$AAAA", "$argon2id$v=19$m=8,t=0,p=1$AAAA$AAAA", "$argon2id$v=19$m=8,t=1,p=1$AAAA$",
	} {
		if _, err := readDigest(bad); err == nil {
			t.Errorf("%q was read", string(bad))
		}
	}
}
