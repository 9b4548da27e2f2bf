package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/loket-dev/loket/bot-runtime/store"
)

const lockTimeout = "55P03"

// judge says what an error before COMMIT means: nothing was done, and again tells whether the reason passes by itself.
func judge(err error) (judged error, again bool) {
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrUnread) || errors.Is(err, store.ErrUnavailable) {
		return err, false
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		if broken(err) {
			return fmt.Errorf("%w: %w", store.ErrUnavailable, err), true
		}
		return err, false
	}
	if lostStatement(err) {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err), true
	}
	switch pg.Code {
	case "40001", "40P01", // serialization, deadlock
		lockTimeout,
		"57P01", "57P02", "57P03", // shutting down, crashed, starting
		"53300": // too many connections
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err), true
	case "57014", // statement_timeout
		"25P03",          // idle_in_transaction_session_timeout
		"25006",          // a standby
		"42P01", "42703", // not migrated yet
		"3D000", "28P01", "28000":
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err), false
	}
	switch {
	case strings.HasPrefix(pg.Code, "08"): // connection
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err), true
	case strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "58"): // disk full, out of memory, system
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err), false
	}
	return err, false
}

// lostStatement: a prepared statement is not there, is there already though this connection did not prepare it, or has another
// shape since a migration. The act runs again, without any.
func lostStatement(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "26000" || pg.Code == "42P05" || pg.Code == "0A000" && pg.Routine == "RevalidateCachedQuery")
}

// judgeCommit says what a failed COMMIT means. Only an answer that says "rolled back" is certain; a lost one is not, nor is
// a server that shuts down while it waits for a standby.
func judgeCommit(err error) (judged error, again bool) {
	if errors.Is(err, pgx.ErrTxCommitRollback) {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err), true
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "40") || strings.HasPrefix(pg.Code, "23") || strings.HasPrefix(pg.Code, "53")) {
		return judge(err)
	}
	return fmt.Errorf("%w: %w", store.ErrUnknownOutcome, err), false
}

// broken tells errors of the connection from errors of the rows.
func broken(err error) bool {
	var connect *pgconn.ConnectError
	var timeout interface{ Timeout() bool }
	return errors.As(err, &connect) || pgconn.SafeToRetry(err) || errors.As(err, &timeout) ||
		errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "conn closed") ||
		strings.Contains(err.Error(), "unexpected EOF") || strings.Contains(err.Error(), "connection reset") ||
		strings.Contains(err.Error(), "broken pipe")
}
