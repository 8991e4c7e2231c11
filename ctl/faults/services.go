package faults

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Services are a PostgreSQL and a RabbitMQ. They may be broken if there are scripts
// for that.
type Services struct {
	postgres, rabbitmq       string // their addresses
	postgresCtl, rabbitmqCtl string // scripts that do things to them
}

// ServicesFromEnvironment returns those that the variables of the tests name.
func ServicesFromEnvironment() (*Services, error) {
	s := &Services{
		postgres:    os.Getenv("CHATIRE_TEST_POSTGRES_URL"),
		rabbitmq:    os.Getenv("CHATIRE_TEST_AMQP_URL"),
		postgresCtl: os.Getenv("CHATIRE_TEST_POSTGRES_CTL"),
		rabbitmqCtl: os.Getenv("CHATIRE_TEST_RABBITMQ_CTL"),
	}
	if s.postgres == "" || s.rabbitmq == "" {
		return nil, errors.New("a PostgreSQL and a RabbitMQ are needed: run this with .ci/with-services, which starts them")
	}
	return s, nil
}

// Breakable complains if they may not be broken.
func (s *Services) Breakable() error {
	if s.postgresCtl == "" || s.rabbitmqCtl == "" {
		return errors.New("faults need a PostgreSQL and a RabbitMQ of their own: run this as make faults, which starts them")
	}
	return nil
}

// Postgres does something to the database server: see .ci/postgres.
func (s *Services) Postgres(ctx context.Context, verb string) error {
	return script(ctx, s.postgresCtl, verb)
}

// RabbitMQ does something to the broker: see .ci/rabbitmq.
func (s *Services) RabbitMQ(ctx context.Context, verb ...string) error {
	return script(ctx, s.rabbitmqCtl, verb...)
}

func script(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// output runs a script and returns what it says.
func output(ctx context.Context, name string, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// newDatabase makes an empty database and returns its address. options are those of
// CREATE DATABASE.
func (s *Services) newDatabase(ctx context.Context, name, options string) (string, error) {
	err := s.onServer(ctx, `CREATE DATABASE `+pgx.Identifier{name}.Sanitize()+` `+options)
	return replaced(s.postgres, func(u *url.URL) { u.Path = "/" + name }), err
}

func (s *Services) dropDatabase(ctx context.Context, name string) error {
	return s.onServer(ctx, `DROP DATABASE IF EXISTS `+pgx.Identifier{name}.Sanitize()+` WITH (FORCE)`)
}

// onServer runs a statement outside of any database of ours.
func (s *Services) onServer(ctx context.Context, statement string) error {
	return execute(ctx, s.postgres, statement)
}

func execute(ctx context.Context, address, statement string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// replaced returns an address with something changed.
func replaced(address string, change func(u *url.URL)) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err) // it is one of ours
	}
	change(u)
	return u.String()
}

func hostOf(address string) string {
	var host string
	replaced(address, func(u *url.URL) { host = u.Host })
	return host
}
