// The algorithm of controller/paths/kernels (search, trees, answering), written as a C++ programmer would: to tell how
// far compiled Python is from what the machine can do. It reads the very arrays that the kernels read, and answers
// questions by least delay without a bound; layout.py says what is where. Built by the bench only.
//
// Both begin with a walk down the tree of the last node. Only if that is barred, an A* search from the last node to
// the first follows, whose estimates are the tree of the first node, or landmarks where there is no tree. It takes
// chains of nodes with two links in one go, and ends as soon as the tree's own route is free for the rest.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace {

struct Arc {
    int64_t free_there, free_back, step, note;
};

constexpr int64_t kUnreached = int64_t{1} << 61;
using Slot = SLOT_TYPE;  // given by the bench, as are the widths of a question and of an answer
constexpr Slot kNoSlot = NO_SLOT;
constexpr int64_t kTwinMask = (int64_t{1} << 32) - 1;
constexpr int kQuestion = QUESTION, kAnswer = ANSWER;

struct Network {
    const int32_t* first;
    const Arc* arcs;
    const int32_t* row_of;
    const Slot* slots;
    const int64_t* reach;
    const int64_t* far;
    int64_t nodes, node_bits, hop_bits, span_bits, landmarks;
};

struct Scratch {
    int64_t* best;
    int32_t* onward;
    int64_t* heap;
    int64_t* seen;
    int32_t* trail;
    int64_t offset, look, settled;
};

// A heap of keys with four children to a node.
inline int64_t push(int64_t* heap, int64_t size, int64_t key) {
    int64_t hole = size;
    while (hole > 0) {
        const int64_t above = (hole - 1) >> 2;
        if (heap[above] <= key) break;
        heap[hole] = heap[above];
        hole = above;
    }
    heap[hole] = key;
    return size + 1;
}

inline int64_t drop_least(int64_t* heap, int64_t size) {
    --size;
    const int64_t key = heap[size];
    int64_t hole = 0;
    for (int64_t child = 1; child < size; child = 4 * hole + 1) {
        int64_t least = child;
        const int64_t end = std::min(child + 4, size);
        for (int64_t other = child + 1; other < end; ++other)
            if (heap[other] < heap[least]) least = other;
        if (heap[least] >= key) break;
        heap[hole] = heap[least];
        hole = least;
    }
    heap[hole] = key;
    return size;
}

struct Rates {
    int64_t there, back, mtu;
    bool along(const Arc& arc) const {
        return arc.free_there >= there && arc.free_back >= back && arc.note >= mtu;
    }
    bool against(const Arc& arc) const {
        return arc.free_back >= there && arc.free_there >= back && arc.note >= mtu;
    }
};

int64_t walk(const Network& net, Scratch& work, int64_t row, int64_t a, int64_t z, const Rates& rates) {
    const int64_t mask = (int64_t{1} << net.node_bits) - 1;
    const Slot* slots = net.slots + row * net.nodes;
    int64_t hops = 0, length = 0;
    for (int64_t node = a; node != z;) {
        if ((slots[node] & kNoSlot) == kNoSlot) return -1;
        const int32_t number = net.first[node] + (slots[node] & kNoSlot);  // a bit above it tells of ties
        const Arc& arc = net.arcs[number];
        if (!rates.along(arc)) return -1;
        work.trail[hops++] = number;
        length += arc.step >> net.node_bits;
        node = arc.step & mask;
    }
    return length == net.reach[row * net.nodes + a] ? hops : -1;
}

int64_t estimate(const Network& net, int64_t row, int64_t node, int64_t a) {
    if (row >= 0) return net.reach[row * net.nodes + node];
    int64_t most = 0;
    for (int64_t landmark = 0; landmark < net.landmarks; ++landmark)
        most = std::max<int64_t>(
            most, std::llabs(net.far[node * net.landmarks + landmark] - net.far[a * net.landmarks + landmark]));
    return most >= kUnreached >> 1 ? kUnreached : most;
}

bool enclosed(const Network& net, Scratch& work, int64_t a, int64_t z, const Rates& rates, int64_t most) {
    const int64_t mask = (int64_t{1} << net.node_bits) - 1;
    const int64_t look = ++work.look;
    int32_t* queue = work.trail;
    work.seen[a] = look;
    queue[0] = static_cast<int32_t>(a);
    int64_t count = 1;
    for (int64_t done = 0; done < count; ++done) {
        const int32_t node = queue[done];
        for (int32_t number = net.first[node]; number < net.first[node + 1]; ++number) {
            if (!rates.along(net.arcs[number])) continue;
            const int64_t head = net.arcs[number].step & mask;
            if (work.seen[head] == look) continue;
            if (head == z || count == most) return false;
            work.seen[head] = look;
            queue[count++] = static_cast<int32_t>(head);
        }
    }
    return true;
}

// Whether the tree towards `a` leads there from `node`, free, at its floor and without a choice; then it is taken.
bool finish(const Network& net, Scratch& work, int64_t row, int64_t node, int64_t a, const Rates& rates, int64_t look) {
    const int64_t mask = (int64_t{1} << net.node_bits) - 1;
    const Slot* slots = net.slots + row * net.nodes;
    int64_t length = 0;
    for (int64_t here = node; here != a;) {
        if (slots[here] >= kNoSlot || work.seen[here] == look) {
            work.seen[here] = look;
            return false;
        }
        work.seen[here] = look;
        const Arc& arc = net.arcs[net.first[here] + slots[here]];
        if (!rates.against(arc)) return false;
        length += arc.step >> net.node_bits;
        here = arc.step & mask;
    }
    if (length != net.reach[row * net.nodes + node]) return false;
    for (int64_t here = node; here != a;) {
        const Arc& arc = net.arcs[net.first[here] + slots[here]];
        const int64_t head = arc.step & mask, longer = work.best[here] + (arc.step >> net.node_bits);
        const int32_t twin = static_cast<int32_t>(arc.note & kTwinMask);
        if (work.best[head] != longer || twin < work.onward[head]) work.onward[head] = twin;
        work.best[head] = longer;
        here = head;
    }
    return true;
}

bool seek(const Network& net, Scratch& work, int64_t row, int64_t a, int64_t z, const Rates& rates) {
    const int64_t mask = (int64_t{1} << net.node_bits) - 1;
    const int64_t offset = work.offset -= int64_t{2} << net.span_bits;
    work.best[z] = offset;
    work.heap[0] = z;
    int64_t size = 1, settled = 0, patience = 64, held = -1;
    const int64_t floor = estimate(net, row, z, a);
    if (floor >= kUnreached) return false;
    int64_t ceiling = (int64_t{1} << net.span_bits) - 1;
    int64_t look = ++work.look;
    bool found = false;
    while (size > 0 || held >= 0) {
        int64_t key = held, excess = key >> net.node_bits;
        if (held >= 0) {
            held = -1;
        } else {
            key = work.heap[0];
            excess = key >> net.node_bits;
            if (excess > ceiling) break;
            size = drop_least(work.heap, size);
        }
        const int64_t node = key & mask;
        const int64_t length = work.best[node] - offset;
        if (length + estimate(net, row, node, a) - floor < excess) continue;
        ++settled;
        if (row >= 0 && !found && finish(net, work, row, node, a, rates, look)) {
            found = true;
            ceiling = excess;
            continue;
        }
        if (settled == patience) {
            if (enclosed(net, work, a, z, rates, patience)) break;
            patience *= 4;
        }
        if (node == a) {
            found = true;
            ceiling = excess;
            continue;
        }
        for (int32_t leaving = net.first[node]; leaving < net.first[node + 1]; ++leaving) {
            int32_t number = leaving;
            int64_t so_far = length;
            for (;;) {
                const Arc& arc = net.arcs[number];
                if (!rates.against(arc)) break;
                const int64_t before = arc.step & mask;
                const int64_t longer = so_far + (arc.step >> net.node_bits);
                const int64_t known = work.best[before] - offset;
                const int32_t twin = static_cast<int32_t>(arc.note & kTwinMask);
                if (longer >= known) {
                    if (longer == known && twin < work.onward[before]) work.onward[before] = twin;
                    break;
                }
                const int64_t more = longer + estimate(net, row, before, a) - floor;
                if (more > ceiling) break;
                work.best[before] = longer + offset;
                work.onward[before] = twin;
                const int32_t begin = net.first[before];
                if (net.first[before + 1] - begin == 2 && before != a) {
                    number = twin == begin ? begin + 1 : begin;
                    so_far = longer;
                    continue;
                }
                if (held < 0 && more == excess)
                    held = more << net.node_bits | before;
                else
                    size = push(work.heap, size, more << net.node_bits | before);
                break;
            }
        }
    }
    work.settled += settled;
    return found;
}

// The first node on the tree's route from `node` to `end` after which it is barred.
template <typename Qualifies>
int64_t free_until(const Network& net, int64_t row, int64_t node, int64_t end, Qualifies qualifies) {
    const int64_t mask = (int64_t{1} << net.node_bits) - 1;
    const Slot* slots = net.slots + row * net.nodes;
    while (node != end) {
        if ((slots[node] & kNoSlot) == kNoSlot) break;
        const Arc& arc = net.arcs[net.first[node] + (slots[node] & kNoSlot)];
        if (!qualifies(arc)) break;
        node = arc.step & mask;
    }
    return node;
}

bool begin_at_a(const Network& net, int64_t row, int64_t far_row, int64_t a, int64_t z, const Rates& rates) {
    const int64_t from_a = free_until(net, far_row, a, z, [&](const Arc& arc) { return rates.along(arc); });
    const int64_t from_z = free_until(net, row, z, a, [&](const Arc& arc) { return rates.against(arc); });
    return net.reach[far_row * net.nodes + from_a] > net.reach[row * net.nodes + from_z];
}

// Whether the tree towards `z` leads there from `node`, as in `finish`.
bool leads_on(const Network& net, Scratch& work, int64_t row, int64_t node, int64_t z, const Rates& rates,
              int64_t look) {
    const int64_t mask = (int64_t{1} << net.node_bits) - 1;
    const Slot* slots = net.slots + row * net.nodes;
    int64_t length = 0;
    for (int64_t here = node; here != z;) {
        if (slots[here] >= kNoSlot || work.seen[here] == look) {
            work.seen[here] = look;
            return false;
        }
        work.seen[here] = look;
        const Arc& arc = net.arcs[net.first[here] + slots[here]];
        if (!rates.along(arc)) return false;
        length += arc.step >> net.node_bits;
        here = arc.step & mask;
    }
    if (length != net.reach[row * net.nodes + node]) return false;
    for (int64_t here = node; here != z;) {
        const int64_t step = net.arcs[net.first[here] + slots[here]].step;
        work.best[step & mask] = work.best[here] + (step >> net.node_bits);
        here = step & mask;
    }
    return true;
}

// The least length, found from `a` with the tree of `row` towards `z`; -1: there is no route.
int64_t seek_forward(const Network& net, Scratch& work, int64_t row, int64_t a, int64_t z, const Rates& rates) {
    const int64_t mask = (int64_t{1} << net.node_bits) - 1;
    const int64_t* reach = net.reach + row * net.nodes;
    const int64_t offset = work.offset -= int64_t{2} << net.span_bits;
    work.best[a] = offset;
    work.heap[0] = a;
    int64_t size = 1, settled = 0, held = -1;
    const int64_t floor = reach[a];
    int64_t ceiling = (int64_t{1} << net.span_bits) - 1;
    const int64_t look = ++work.look;
    bool found = false;
    while (size > 0 || held >= 0) {
        int64_t key = held, excess = key >> net.node_bits;
        if (held >= 0) {
            held = -1;
        } else {
            key = work.heap[0];
            excess = key >> net.node_bits;
            if (excess > ceiling) break;
            size = drop_least(work.heap, size);
        }
        const int64_t node = key & mask;
        const int64_t length = work.best[node] - offset;
        if (length + reach[node] - floor < excess) continue;
        ++settled;
        if (node == z || (!found && leads_on(net, work, row, node, z, rates, look))) {
            found = true;
            ceiling = excess;
            continue;
        }
        for (int32_t leaving = net.first[node]; leaving < net.first[node + 1]; ++leaving) {
            int32_t number = leaving;
            int64_t so_far = length;
            for (;;) {
                const Arc& arc = net.arcs[number];
                if (!rates.along(arc)) break;
                const int64_t head = arc.step & mask;
                const int64_t longer = so_far + (arc.step >> net.node_bits);
                if (longer >= work.best[head] - offset) break;
                const int64_t more = longer + reach[head] - floor;
                if (more > ceiling) break;
                work.best[head] = longer + offset;
                const int32_t begin = net.first[head];
                if (net.first[head + 1] - begin == 2 && head != z) {
                    number = (arc.note & kTwinMask) == begin ? begin + 1 : begin;
                    so_far = longer;
                    continue;
                }
                if (held < 0 && more == excess)
                    held = more << net.node_bits | head;
                else
                    size = push(work.heap, size, more << net.node_bits | head);
                break;
            }
        }
    }
    work.settled += settled;
    return found ? floor + ceiling : -1;
}

// After `seek_forward`: `onward` leads from each node on a least route to `z`, by the least first link.
void gather(const Network& net, Scratch& work, int64_t a, int64_t z, const Rates& rates) {
    const int64_t mask = (int64_t{1} << net.node_bits) - 1;
    const int64_t look = ++work.look;
    int64_t* queue = work.heap;
    queue[0] = z;
    work.seen[a] = look;
    work.onward[a] = INT32_MAX;
    for (int64_t count = 1; count > 0;) {
        const int64_t node = queue[--count];
        for (int32_t number = net.first[node]; number < net.first[node + 1]; ++number) {
            const Arc& arc = net.arcs[number];
            const int64_t before = arc.step & mask;
            if (work.best[before] + (arc.step >> net.node_bits) != work.best[node] || !rates.against(arc)) continue;
            const int32_t twin = static_cast<int32_t>(arc.note & kTwinMask);
            if (work.seen[before] != look) {
                work.seen[before] = look;
                work.onward[before] = twin;
                queue[count++] = before;
            } else {
                work.onward[before] = std::min(work.onward[before], twin);
            }
        }
    }
}

int64_t trace(const Network& net, Scratch& work, int64_t a, int64_t z) {
    const int64_t mask = (int64_t{1} << net.node_bits) - 1;
    int64_t hops = 0;
    for (int64_t node = a; node != z; node = net.arcs[work.trail[hops - 1]].step & mask)
        work.trail[hops++] = work.onward[node];
    return hops;
}

}  // namespace

// Answers all questions; arcs go into `routes`, which must be long enough. Returns how many nodes were settled.
extern "C" int64_t answer_all(const Network* network, Scratch* scratch, const int64_t* questions, int64_t count,
                              int64_t* answers, int32_t* routes) {
    const Network& net = *network;
    Scratch& work = *scratch;
    const int64_t before = work.settled;
    int64_t used = 0;
    for (int64_t number = 0; number < count; ++number) {
        const int64_t* question = questions + number * kQuestion;
        int64_t* answer = answers + number * kAnswer;
        const int64_t a = question[0], z = question[1];
        const Rates rates{question[2], question[3], question[4]};
        // A search on the least of all lengths ends when the offsets do.
        if (work.offset < -(int64_t{1} << 61)) {
            work.offset = 0;
            std::fill(work.best, work.best + net.nodes, kUnreached);
        }
        const int64_t row = net.row_of[z];
        int64_t hops = row >= 0 ? walk(net, work, row, a, z, rates) : -1;
        int64_t length = hops >= 0 ? net.reach[row * net.nodes + a] : 0;
        if (hops < 0) {
            const bool unreachable = row >= 0 && net.reach[row * net.nodes + a] >= kUnreached;
            const int64_t own_row = net.row_of[a];
            if (!unreachable && row >= 0 && own_row >= 0 && begin_at_a(net, own_row, row, a, z, rates)) {
                length = seek_forward(net, work, row, a, z, rates);
                if (length >= 0) {
                    gather(net, work, a, z, rates);
                    hops = trace(net, work, a, z);
                }
            } else if (!unreachable && seek(net, work, own_row, a, z, rates)) {
                hops = trace(net, work, a, z);
                length = work.best[a] - work.offset;
            }
            length = std::max<int64_t>(length, 0);
        }
        for (int64_t hop = 0; hop < hops; ++hop) routes[used + hop] = work.trail[hop];
        answer[0] = hops >= 0;
        answer[1] = std::max<int64_t>(hops, 0);
        answer[2] = used;
        answer[3] = answer[4] = length >> net.hop_bits >> 1;
        answer[5] = length;
        used += answer[1];
    }
    return work.settled - before;
}
