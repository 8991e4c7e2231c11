package chat

import "testing"

func TestTokenCache(t *testing.T) {
	ada := Identity{User: User{ID: 1}}
	digest := DigestOf("ada's")

	t.Run("keeps no answer that was asked for before a change", func(t *testing.T) {
		c := newTokenCache()
		_, _, asked := c.get(digest)
		c.forget(ada.User.ID)
		c.put(digest, ada, asked)
		if _, known, _ := c.get(digest); known {
			t.Error("a token that has ended is known")
		}
	})

	t.Run("forgets one user and no other", func(t *testing.T) {
		c := newTokenCache()
		bob := Identity{User: User{ID: 2}}
		_, _, asked := c.get(digest)
		c.put(digest, ada, asked)
		c.put(DigestOf("bob's"), bob, asked)
		c.forget(ada.User.ID)
		if _, known, _ := c.get(digest); known {
			t.Error("the user's is known")
		}
		if _, known, _ := c.get(DigestOf("bob's")); !known {
			t.Error("the other's is not")
		}
	})

	t.Run("is bounded", func(t *testing.T) {
		c := newTokenCache()
		for i := range 2 * tokensKnown {
			digest[0], digest[1], digest[2] = byte(i), byte(i>>8), byte(i>>16)
			_, _, asked := c.get(digest)
			c.put(digest, Identity{User: User{ID: int64(i)}}, asked)
		}
		if c.known.Len() != tokensKnown || len(c.byUser) != tokensKnown {
			t.Errorf("%d answers of %d users are kept", c.known.Len(), len(c.byUser))
		}
	})
}
