package client

import "testing"

func TestDevicePicksAnotherAddressEachTime(t *testing.T) {
	c, err := New("http://nowhere", WithWebsockets("a", "b", "c"))
	if err != nil {
		t.Fatal(err)
	}
	d := c.Device(DeviceOptions{})
	seen, last := map[string]int{}, ""
	for range 300 {
		address := d.pick()
		if address == last {
			t.Fatalf("%s twice in a row", address)
		}
		seen[address]++
		last = address
	}
	if len(seen) != 3 || min(seen["a"], seen["b"], seen["c"]) < 50 {
		t.Errorf("picked %v", seen)
	}
}
