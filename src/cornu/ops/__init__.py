"""The vocabulary: operations on tensors, eager, traced and symbolic alike."""

from cornu.ops import image  # noqa: F401
from cornu.ops.attention import *  # noqa: F403
from cornu.ops.convolution import *  # noqa: F403
from cornu.ops.ctc import *  # noqa: F403
from cornu.ops.einsum import *  # noqa: F403
from cornu.ops.nn import *  # noqa: F403
from cornu.ops.normalization import *  # noqa: F403
from cornu.ops.numpy import *  # noqa: F403
from cornu.ops.pooling import *  # noqa: F403
from cornu.ops.primitives.control import *  # noqa: F403
from cornu.ops.primitives.elementwise import *  # noqa: F403
from cornu.ops.primitives.indexing import *  # noqa: F403
from cornu.ops.primitives.linear import *  # noqa: F403
from cornu.ops.primitives.pooling import *  # noqa: F403
from cornu.ops.primitives.random import *  # noqa: F403
from cornu.ops.primitives.reductions import *  # noqa: F403
from cornu.ops.primitives.shapes import *  # noqa: F403
from cornu.ops.primitives.windows import *  # noqa: F403
from cornu.ops.recurrence import *  # noqa: F403
from cornu.ops.recurrent import *  # noqa: F403
from cornu.ops.search import *  # noqa: F403
