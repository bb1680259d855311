package state

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Vault keeps one secret record, such as the tokens. It satisfies what oauthdev asks of a store.
// The lock of a vault holds across processes.
type Vault struct {
	db   *vaults
	name string
}

// Vault returns the vault of a name.
func (db *vaults) Vault(name string) *Vault { return &Vault{db: db, name: name} }

// Lock waits until no other process and no other caller holds the vault, or until ctx ends.
func (v *Vault) Lock(ctx context.Context) (unlock func(), err error) {
	const poll = 20 * time.Millisecond
	for {
		_, release, err := v.db.Lock(ctx, "vault-"+v.name)
		if err == nil {
			return release, nil
		}
		if !errors.As(err, new(*HeldError)) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %w: %w", err, ctx.Err())
		case <-time.After(poll):
		}
	}
}

// Load returns the record, nil when there is none. ErrKey when it cannot be unsealed, ErrDamaged
// when it shows that the file is damaged.
func (v *Vault) Load(ctx context.Context) ([]byte, error) {
	var sealed []byte
	err := v.db.write.GetContext(ctx, &sealed, "SELECT record FROM vault WHERE name = ?", v.name)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", v.name, err)
	}
	return v.db.opened(ctx, v.name, sealed)
}

// Save replaces the record; nil removes it. It returns after the record is on the disk.
func (v *Vault) Save(ctx context.Context, record []byte) error {
	return v.db.change(ctx, "save "+v.name, func(ctx context.Context, tx *sqlx.Tx) error {
		if record == nil {
			_, err := tx.ExecContext(ctx, "DELETE FROM vault WHERE name = ?", v.name)
			return err
		}
		return putRecord(ctx, tx, v.name, v.db.seal.close(v.name, record))
	})
}

func putRecord(ctx context.Context, tx *sqlx.Tx, name string, sealed []byte) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO vault (name, record) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET record = excluded.record`, name, sealed)
	return err
}

// unlock takes the key. Records in the clear are sealed when a key is given for the first time;
// records that the key does not open are ErrKey, and stay as they are.
func (db *vaults) unlock(ctx context.Context, key []byte) error {
	salt, err := db.salt(ctx)
	if err != nil {
		return err
	}
	if db.seal, err = newSealer(key, salt); err != nil {
		return err
	}
	err = db.reseal(ctx, db.seal)
	// they are sealed; Changed and the next Open overwrite the rest
	if errors.Is(err, ErrRemnants) {
		return nil
	}
	return err
}

// Rekey seals every record with another key; nil leaves them in the clear. ErrRemnants when they
// are sealed, and what stood there before can be read for a while.
func (db *vaults) Rekey(ctx context.Context, key []byte) error {
	salt, err := db.salt(ctx)
	if err != nil {
		return err
	}
	next, err := newSealer(key, salt)
	if err != nil {
		return err
	}
	err = db.reseal(ctx, next)
	if err == nil || errors.Is(err, ErrRemnants) {
		db.seal = next
	}
	return err
}

// vaultRecord is a record as it is kept.
type vaultRecord struct {
	Name   string
	Record []byte
}

const selectVault = "SELECT name, record FROM vault"

// reseal opens every record with the present key and closes it with next, where that changes it.
// What it writes it reads under the write lock: another process may just have saved a newer token.
func (db *vaults) reseal(ctx context.Context, next sealer) error {
	var records []vaultRecord
	if err := db.write.SelectContext(ctx, &records, selectVault); err != nil {
		return err
	}
	changed, err := db.resealed(ctx, records, next)
	if err != nil || len(changed) == 0 {
		return err
	}
	return db.withRemnants(ctx, "seal records", func(ctx context.Context, tx *sqlx.Tx) error {
		records = nil
		if err := tx.SelectContext(ctx, &records, selectVault); err != nil {
			return err
		}
		changed, err := db.resealed(ctx, records, next)
		if err != nil {
			return err
		}
		for _, r := range changed {
			if err := putRecord(ctx, tx, r.Name, r.Record); err != nil {
				return err
			}
		}
		return nil
	})
}

// resealed are the records that next keeps otherwise.
func (db *vaults) resealed(ctx context.Context, records []vaultRecord, next sealer) ([]vaultRecord, error) {
	var changed []vaultRecord
	for _, r := range records {
		clear, err := db.opened(ctx, r.Name, r.Record)
		if err != nil {
			return nil, err
		}
		if next.same(db.seal) && sealedBy(r.Record) == next.version() {
			continue
		}
		r.Record = next.close(r.Name, clear)
		changed = append(changed, r)
	}
	return changed, nil
}

// salt is this file's own, so that one key never seals two files alike.
func (db *vaults) salt(ctx context.Context) (string, error) {
	salt, err := db.Fact(ctx, "salt")
	if err != nil || salt != "" {
		return salt, err
	}
	if _, err := db.write.ExecContext(ctx, "INSERT INTO facts (name, value) VALUES ('salt', ?) ON CONFLICT (name) DO NOTHING", rand.Text()); err != nil {
		return "", fmt.Errorf("write the salt: %w", err)
	}
	return db.Fact(ctx, "salt") // another process may have been first
}

// The first byte of a record tells how it is sealed.
const (
	inTheClear byte = 0
	aesGCM     byte = 1
)

func sealedBy(record []byte) byte {
	if len(record) == 0 {
		return inTheClear
	}
	return record[0]
}

// sealer seals with AES-256-GCM under a key derived for this file; without a key it only marks the
// record as being in the clear.
type sealer struct {
	aead cipher.AEAD
	id   [sha256.Size]byte
}

func newSealer(key []byte, salt string) (sealer, error) {
	if key == nil {
		return sealer{}, nil
	}
	derived, err := hkdf.Key(sha256.New, key, []byte(salt), "ccsyncd vault", 32)
	if err != nil {
		return sealer{}, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead: aead, id: sha256.Sum256(derived)}, err
}

func (s sealer) same(other sealer) bool { return s.id == other.id }

func (s sealer) version() byte {
	if s.aead == nil {
		return inTheClear
	}
	return aesGCM
}

func (s sealer) close(name string, record []byte) []byte {
	if s.aead == nil {
		return append([]byte{inTheClear}, record...)
	}
	return s.aead.Seal([]byte{aesGCM}, nil, record, []byte(name))
}

func (s sealer) open(name string, sealed []byte) ([]byte, error) {
	switch {
	case sealedBy(sealed) == inTheClear:
		return sealed[min(1, len(sealed)):], nil
	case s.aead == nil:
		return nil, fmt.Errorf("%w: the tokens are encrypted, but [state] key is not set", ErrKey)
	}
	record, err := s.aead.Open(nil, nil, sealed[1:], []byte(name))
	if err != nil {
		return nil, fmt.Errorf("%w: [state] key does not decrypt the tokens", ErrKey)
	}
	return record, nil
}
