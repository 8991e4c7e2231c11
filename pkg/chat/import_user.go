package chat

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// MaxImport bounds how many accounts are imported at once.
const MaxImport = 500

// ImportedUser is an account that comes from elsewhere. It has a Password, or the Digest
// of one, or neither: then nobody signs in with a password until one is set.
type ImportedUser struct {
	Username  string
	Email     string
	FirstName string
	LastName  string
	Password  Secret
	Digest    Secret // of a kind that is accepted at sign-in
	Admin     bool
	Disabled  bool
	CreatedAt time.Time // zero: now
	LastSeen  time.Time // zero: never
}

// Exported returns an account in the form in which it can be imported, with the digest of
// its password if that is asked for.
func (u User) Exported(digest bool) ImportedUser {
	out := ImportedUser{
		Username:  u.Username,
		Email:     u.Email,
		FirstName: u.FirstName,
		LastName:  u.LastName,
		Admin:     u.Admin,
		Disabled:  u.Disabled,
		CreatedAt: u.CreatedAt,
	}
	if u.LastSeen != nil {
		out.LastSeen = *u.LastSeen
	}
	if digest {
		out.Digest = u.Password
	}
	return out
}

// ImportOutcome is what became of one ImportedUser.
type ImportOutcome string

const (
	ImportCreated   ImportOutcome = "created"
	ImportUnchanged ImportOutcome = "unchanged" // the same account is there
	ImportConflict  ImportOutcome = "conflict"  // another account has the name
	ImportInvalid   ImportOutcome = "invalid"   // it breaks a rule; Why says which
)

// ImportResult says what became of one ImportedUser.
type ImportResult struct {
	Outcome ImportOutcome
	ID      int64  // of the account that is there now; 0 for none
	Why     string // a sentence where it was not imported
}

// auditedImport is what the audit tells of an import.
type auditedImport struct {
	Users []string `json:"users"`
}

// errNotAll ends an import in which something was not to be imported.
var errNotAll = fmt.Errorf("not all can be imported")

// ImportUsers makes accounts, up to MaxImport, in one transaction, and says what became
// of each. With all set, either all of them are there afterwards or nothing was done:
// done says which. Importing the same again changes nothing.
func (s *Service) ImportUsers(ctx context.Context, users []ImportedUser, all bool) (results []ImportResult, done bool, err error) {
	if len(users) == 0 || len(users) > MaxImport {
		return nil, false, FieldError("users", fmt.Sprintf("Send from 1 to %d users.", MaxImport))
	}
	results = make([]ImportResult, len(users))
	rows, places := s.importable(users, results)
	if all && len(rows) < len(users) {
		return results, false, nil
	}
	if err := s.digestAll(ctx, users, rows, places); err != nil {
		return nil, false, err
	}
	_, err = s.administer(ctx, func(tx Store) error {
		ids, err := tx.ImportUsers(ctx, rows)
		if err != nil {
			return err
		}
		var created []string
		for i, id := range ids {
			if id != 0 {
				results[places[i]] = ImportResult{Outcome: ImportCreated, ID: id}
				created = append(created, rows[i].Username)
			} else if results[places[i]], err = s.there(ctx, tx, users[places[i]], rows[i]); err != nil {
				return err
			}
		}
		if all && !imported(results) {
			return errNotAll
		}
		if len(created) == 0 {
			return nil
		}
		return audit(ctx, tx, "user.import", fmt.Sprintf("%d users", len(created)), nil, auditedImport{created})
	})
	if err == errNotAll {
		return results, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("import users: %w", err)
	}
	return results, true, nil
}

func imported(results []ImportResult) bool {
	for _, r := range results {
		if r.Outcome != ImportCreated && r.Outcome != ImportUnchanged {
			return false
		}
	}
	return true
}

// importable returns the accounts to make, and which of users each of them is. What
// breaks a rule has its result already.
func (s *Service) importable(users []ImportedUser, results []ImportResult) (rows []User, places []int) {
	for i, u := range users {
		row, err := CheckImport(u)
		if err != nil {
			results[i] = ImportResult{Outcome: ImportInvalid, Why: err.Error()}
			continue
		}
		rows, places = append(rows, row), append(places, i)
	}
	return rows, places
}

// unusable is a digest that no password has.
const unusable Secret = "!"

// CheckImport returns the account that an ImportedUser becomes, without the digest of a
// Password, or what is wrong with it. How easy a password is to guess is not asked:
// people move over with what they have.
func CheckImport(u ImportedUser) (User, error) {
	wrong := complaints{}
	normal, bad := cleanUsername(u.Username)
	wrong.add("username", bad...)
	wrong.add("email", checkEmail(u.Email)...)
	wrong.add("password", checkPassword(u.Password)...)
	for _, name := range []struct{ field, value string }{{"first_name", u.FirstName}, {"last_name", u.LastName}} {
		wrong.add(name.field, checkName(name.value)...)
	}
	switch {
	case u.Password != "" && u.Digest != "":
		wrong.add("password_digest", "There is a password already.")
	case u.Digest == "" || u.Digest[0] == unusable[0]:
		u.Digest = unusable
	default:
		if _, err := readDigest(u.Digest); err != nil {
			wrong.add("password_digest", "This is not a digest of a kind that is accepted: argon2id, bcrypt, scrypt or PBKDF2.")
		}
	}
	row := User{
		Username:  normal,
		Email:     normalEmail(u.Email),
		FirstName: u.FirstName,
		LastName:  u.LastName,
		Password:  u.Digest,
		Admin:     u.Admin,
		Disabled:  u.Disabled,
		CreatedAt: u.CreatedAt,
	}
	if !u.LastSeen.IsZero() {
		row.LastSeen = &u.LastSeen
	}
	return row, wrong.refusal()
}

// maxName bounds a first or last name in bytes.
const maxName = 600

func checkName(name string) []string {
	if len(name) > maxName {
		return []string{fmt.Sprintf("Ensure this field has no more than %d bytes.", maxName)}
	}
	return checkPassword(Secret(name)) // a text that a database can hold
}

// digestAll computes the digests of passwords that came as they are, and leaves cores to
// those who sign in meanwhile.
func (s *Service) digestAll(ctx context.Context, users []ImportedUser, rows []User, places []int) error {
	hashing, ctx := errgroup.WithContext(ctx)
	hashing.SetLimit(max(1, cap(s.accounts.hasher.slots)/2))
	for i := range rows {
		password := users[places[i]].Password
		if password == "" {
			continue
		}
		hashing.Go(func() (err error) {
			rows[i].Password, err = s.accounts.hasher.hash(ctx, password)
			return err
		})
	}
	return hashing.Wait()
}

// there says what became of an account whose name is taken.
func (s *Service) there(ctx context.Context, tx Store, u ImportedUser, row User) (ImportResult, error) {
	conflict := ImportResult{Outcome: ImportConflict, Why: nameTaken}
	old, err := tx.UserByName(ctx, row.Username)
	if CodeOf(err) == NotFound {
		return conflict, nil // a variant of the name is
	}
	if err != nil {
		return ImportResult{}, err
	}
	same := old.Email == row.Email && old.Admin == row.Admin && old.Disabled == row.Disabled
	if u.Password != "" {
		d, err := readDigest(old.Password)
		same = same && err == nil && d.matches(u.Password)
	} else {
		same = same && old.Password == row.Password
	}
	if !same {
		return conflict, nil
	}
	return ImportResult{Outcome: ImportUnchanged, ID: old.ID}, nil
}

// auditedExport is what the audit tells of an export: a page of accounts, those behind
// an id.
type auditedExport struct {
	After   int64 `json:"after"`
	Digests bool  `json:"digests"`
}

// NoteExport notes in the audit that an administrator takes accounts away, behind an id,
// with the digests of passwords or without.
func (s *Service) NoteExport(ctx context.Context, after int64, digests bool) error {
	_, err := s.administer(ctx, func(tx Store) error {
		return audit(ctx, tx, "user.export", "users", nil, auditedExport{after, digests})
	})
	return err
}
