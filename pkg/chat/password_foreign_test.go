package chat

import (
	"strings"
	"testing"
)

// The digests here are of "correct-horse-9", made by Python's hashlib and crypt(3).
var foreignDigests = map[string]Secret{
	"PBKDF2 with SHA-256, as Django keeps it": "pbkdf2_sha256$1000$seasalt$OofSeP0tGjWlOeYzqZC1pdy/UFi+8l72gG/b1q/RAgo=",
	"PBKDF2 with SHA-1, as Django keeps it":   "pbkdf2_sha1$1000$seasalt$nDbIUph1WZc3duIub4A13zr5zps=",
	"scrypt, as Django keeps it":              "scrypt$1024$seasalt$8$1$762xu+Aci7k8JU43YAdnddASYTr5Oypt5ltXqu6Ootmky+KgsCBgO4xGvJGxlxeboSkH71UYiUWaP0Dub23q2w==",
	"scrypt":                                  "$scrypt$ln=10,r=8,p=1$c2Vhc2FsdHNlYXNhbHQxMg$ilo7fsO10N32xg1pO1NXbd+NyAj3chf6Rg1MO9Un6CE",
	"bcrypt 2b":                               "$2b$05$abcdefghijklmnopqrstuuKtyOyM4aePTOrLl9yFCJHErGKuR5yk2",
	"bcrypt 2y":                               "$2y$05$abcdefghijklmnopqrstuuKtyOyM4aePTOrLl9yFCJHErGKuR5yk2",
	"bcrypt, as Django keeps it":              "bcrypt$$2b$05$abcdefghijklmnopqrstuuKtyOyM4aePTOrLl9yFCJHErGKuR5yk2",
	"bcrypt of SHA-256, as Django keeps it":   "bcrypt_sha256$$2b$05$abcdefghijklmnopqrstuuoAFF1h9uUg0pINWWDoRzzGzdGxqIwX2",
}

func TestForeignDigests(t *testing.T) {
	for name, stored := range foreignDigests {
		t.Run(name, func(t *testing.T) {
			d, err := readDigest(stored)
			if err != nil {
				t.Fatal(err)
			}
			if !d.matches("correct-horse-9") || d.matches("correct-horse-8") || d.matches("") {
				t.Error("it matches another password, or not its own")
			}
			if d.current() {
				t.Error("it is not replaced")
			}
		})
	}
	t.Run("argon2id, as Django keeps it", func(t *testing.T) {
		ours := newArgonDigest()
		ours.key = ours.derive("correct-horse-9", keyBytes)
		d, err := readDigest("argon2" + ours.text())
		if err != nil || !d.matches("correct-horse-9") || d.matches("x") {
			t.Errorf("read %v, %v", d, err)
		}
	})
}

func TestForeignDigestsThatCostTooMuch(t *testing.T) {
	for _, stored := range []Secret{
		"pbkdf2_sha256$5000001$seasalt$OofSeP0tGjWlOeYzqZC1pdy/UFi+8l72gG/b1q/RAgo=", "pbkdf2_sha256$-1$seasalt$OofSeP0tGjWlOeYzqZC1pdy/UFi+8l72gG/b1q/RAgo=",
		"pbkdf2_sha256$0$seasalt$OofSeP0tGjWlOeYzqZC1pdy/UFi+8l72gG/b1q/RAgo=", "pbkdf2_sha256$1000$seasalt$", "pbkdf2_sha256$1000$seasalt", "pbkdf2_sha256$x$y$z",
		"pbkdf2_md5$1000$seasalt$OofSeP0tGjWlOeYzqZC1pdy/UFi+8l72gG/b1q/RAgo=",
		"$2b$31$abcdefghijklmnopqrstuuKtyOyM4aePTOrLl9yFCJHErGKuR5yk2", "$2b$05$short", "bcrypt$", "bcrypt$nonsense", "md5$salt$0cc175b9c0f1b6a831c399e269772661", "sha1$x$y",
		"scrypt$1073741824$seasalt$8$1$762xu+Aci7k8JU43YAdnddASYTr5Oypt5ltXqu6Ootk=", "scrypt$1024$seasalt$0$1$762xu+Aci7k8JU43YAdnddASYTr5Oypt5ltXqu6Ootk=", "scrypt$1$2$3",
		"$scrypt$ln=31,r=8,p=1$c2FsdA$ilo7fsO10N32xg1pO1NXbd+NyAj3chf6Rg1MO9Un6CE", "$scrypt$ln=16,r=1000,p=1$c2FsdA$ilo7fsO10N32xg1pO1NXbd+NyAj3chf6Rg1MO9Un6CE",
		"", "$", "$$$$", "!", "correct-horse-9", Secret(strings.Repeat("$", 1000)),
	} {
		if d, err := readDigest(stored); err == nil {
			t.Errorf("%.60q is taken: %T", string(stored), d)
		}
	}
}
